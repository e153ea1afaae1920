import { FlatminError } from '../../errors.js';
import { checkAugmentation, mixes, parseAugmentation } from '../augment/augmentation.js';
import { isTargetName, wantsClasses } from '../column-roles.js';
import type { Normalization } from '../images/normalization.js';
import type { ModelInput, OpenContext } from '../kind.js';
import type { Field, FieldType, Source } from '../source.js';
import { seededSplit, TEST_SHARE } from '../split.js';
import { keepLabels, requireTrained } from '../unseen-labels.js';
import type { ArrayColumn } from './array-maker.js';
import { type ArrayPart, arraySource } from './array-source.js';
import { arrayRoles, usable } from './bind-arrays.js';
import { classesOf, labelsIn } from './classes.js';
import { requireFinite } from './finite.js';
import { mixedFieldsOf, withSharesTarget } from './mixed-fields.js';
import type { ArrayParts } from './parts.js';
import { imageShapeOf, PIXEL_SCALE, type Pixels, pixelNormalization } from './pixels.js';
import { described, isFloatType, rowElements, rowsOf, type StoredArray } from './stored-array.js';

/** A field and how its array becomes it. */
interface Plan {
  readonly field: Field;
  readonly array: string;
  readonly type: FieldType;
  readonly pixels?: Pixels;
}

interface TargetPlan extends Plan {
  /** Of labels of whole samples: where each is first, by parts. */
  readonly places?: readonly ReadonlyMap<number, string>[] | undefined;
}

/**
 * Arrays as a source for a model: which is which by names, what they are by types and shapes.
 * @param location of the files, for errors
 * @throws FlatminError INVALID_ARGUMENT where nothing tells what an input is or a setting does not fit, INVALID_DATA for arrays that do
 * not go together
 */
export function openArrays(location: string, parts: ArrayParts, context: OpenContext): Source {
  const { settings, seed } = context;
  const roles = arrayRoles(parts.train, location, context);
  const notes = [...parts.notes, ...roles.notes];
  const names = [...new Set([...roles.inputs, ...roles.targets].map(({ array }) => array))];
  const arraysOf = (from: ArrayParts['train'], part: string) => {
    const arrays = new Map(
      names.map((name) => [name, usable(from.get(name) ?? absent(name, location, part))]),
    );
    requireSameRows([...arrays.values()], location);
    return arrays;
  };
  const train = arraysOf(parts.train, 'training');
  const test = parts.test && arraysOf(parts.test, 'test');
  if (test) for (const [name, array] of train) requireAlike(array, test.get(name)!);
  const size = rowsOf(train.get(names[0]!)!);
  if (size === 0) throw new FlatminError('INVALID_DATA', `The arrays of ${location} have no samples.`);
  if (test && settings.split !== undefined)
    throw new FlatminError('INVALID_ARGUMENT', `${location} has test samples of its own: leave "split" out.`);
  const targets = roles.targets.map(({ field, array }): TargetPlan => {
    const both = [train.get(array)!, ...(test ? [test.get(array)!] : [])];
    return { ...targetPlan(field, both, context), array };
  });
  let split = test ? undefined : seededSplit(size, settings.split ?? TEST_SHARE, seed);
  for (const { field, array, places } of targets) {
    const [trained, tested] = places ?? [];
    if (!trained || !(targets.length === 1 || isTargetName(field.name))) continue;
    if (split) {
      const names = field.classes!.names;
      const kept = keepLabels(split, labelsIn(train.get(array)!), (label) => names[label] ?? String(label), {
        ...{ isMeasured: context.isMeasured, ignoreIndex: context.ignoreIndex, location },
      });
      split = kept.split;
      if (kept.note) notes.push(kept.note);
    }
    const note = context.isMeasured ? undefined : requireTrained(field.classes!.count, trained, tested);
    if (note) notes.push(note);
  }
  if (split)
    notes.push(
      `${split.test.length} of ${size} samples, drawn by the seed, are tested on; --split sets their share.`,
    );
  const trainRows = split?.train ?? Int32Array.from({ length: size }, (_, row) => row);

  const plans = [
    ...roles.inputs.map(({ field, array, input }) => ({
      ...inputPlan(field, train.get(array)!, input, context, trainRows, notes),
      array,
    })),
  ];
  if (targets.length === 0 && context.loss !== 'output')
    throw new FlatminError(
      'INVALID_DATA',
      `${location} has no array that is a target: every one is read by the model. Say which one the loss compares with, as --map labels=ARRAY.`,
    );
  const pixels = plans.find((plan) => plan.pixels)?.pixels;
  const augmentation = parseAugmentation(settings.augment ?? 'none');
  if (pixels && augmentation) {
    const { shape, isFloat = false, scale } = pixels;
    checkAugmentation(augmentation, { shape, isBytes: !isFloat, scale });
  }
  requirePixels(pixels, settings, location);
  const fields = { inputs: plans.map(({ field }) => field), targets: targets.map(({ field }) => field) };
  const mixed = mixes(augmentation) ? mixedFieldsOf(fields, location) : undefined;
  const isFed = new Set(
    [...plans, ...targets].filter(({ type }) => type === 'float').map(({ array }) => array),
  );
  if (!context.isMeasured)
    for (const part of [train, ...(test ? [test] : [])])
      requireFinite([...part].filter(([name]) => isFed.has(name)).map(([, array]) => array));
  const columns = (from: ReadonlyMap<string, StoredArray>): ArrayColumn[] =>
    [...plans, ...targets].map(({ field, array, type, pixels: own }) => ({
      field: field.name,
      array: from.get(array)!,
      type,
      pixels: own,
    }));
  const whole: ArrayPart = { columns: columns(train) };
  return arraySource({
    name: location,
    inputs: fields.inputs,
    targets: mixed ? withSharesTarget(fields.targets, mixed) : fields.targets,
    train: split ? { ...whole, rows: split.train } : whole,
    test: test ? { columns: columns(test) } : { ...whole, rows: split!.test },
    ...(pixels && !pixels.isFloat && { normalization: { scale: pixels.scale, ...pixels.normalization } }),
    augmentation,
    mixed,
    notes,
  });
}

const absent = (name: string, location: string, part: string): never => {
  throw new FlatminError(
    'INVALID_DATA',
    `The ${part} part of ${location} has no array "${name}": add it, or name one that both parts have, as --map NAME=ARRAY.`,
  );
};

/** Of the training and the test part. @throws FlatminError INVALID_DATA where they cannot be the same field */
function requireAlike(train: StoredArray, test: StoredArray): void {
  const kindOf = ({ type }: StoredArray) =>
    isFloatType(type) ? 'floats' : type === 'uint8' ? 'bytes' : 'integers';
  const isAlike =
    String(train.dims.slice(1)) === String(test.dims.slice(1)) && kindOf(train) === kindOf(test);
  if (isAlike) return;
  throw new FlatminError(
    'INVALID_DATA',
    `${described(test)} of ${test.file} is tested on, but ${described(train)} of ${train.file} is trained on: both must be of ${kindOf(train)} with samples of ${train.dims.slice(1).join(' × ') || 'one number'}. Save them alike.`,
  );
}

/** @throws FlatminError INVALID_DATA that names the arrays and their rows */
function requireSameRows(arrays: readonly StoredArray[], location: string): void {
  if (new Set(arrays.map(rowsOf)).size <= 1) return;
  const counts = arrays.map((array) => `"${array.name}" ${rowsOf(array)}`).join(', ');
  throw new FlatminError(
    'INVALID_DATA',
    `The arrays of ${location} have different numbers of samples: ${counts}. Leave out what is no input or target by naming those that are, as --map labels=ARRAY.`,
  );
}

/** @throws FlatminError INVALID_ARGUMENT for settings of pixels where there are none */
function requirePixels(
  pixels: Pixels | undefined,
  settings: OpenContext['settings'],
  location: string,
): void {
  if (pixels && !pixels.isFloat) return;
  const { normalization, mean, std } = settings;
  const augment = pixels ? undefined : settings.augment;
  const asked = Object.entries({
    augment: augment === 'none' ? undefined : augment,
    normalization,
    mean,
    std,
  });
  const [name] = asked.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      name === 'augment'
        ? `"augment" is for images, and no input of ${location} is an array of such (samples of height × width, or with 1 to 4 channels first or last): leave it out.`
        : `"${name}" is for pixels, and no input of ${location} is a uint8 array of images: leave it out, or save the images as uint8.`,
    );
}

const isFloatInput = ({ type }: ModelInput): boolean => /^(float|double|bfloat)/.test(type);

/** How an array becomes an input. @throws FlatminError INVALID_DATA for numbers of another kind than the model reads */
function inputPlan(
  field: string,
  array: StoredArray,
  input: ModelInput | undefined,
  { settings }: OpenContext,
  trainRows: Int32Array,
  notes: string[],
): Omit<Plan, 'array'> {
  const dims = array.dims.slice(1);
  const takesFloats = input ? isFloatInput(input) : true;
  if (takesFloats && array.type === 'uint8' && dims.length >= 2) {
    const image = imageShapeOf(dims, input);
    if (image) {
      const { normalization, note } = pixelNormalization(array, image, settings, trainRows);
      if (image.isChannelsLast)
        notes.push(
          `"${array.name}" holds images of ${dims.join(' × ')}: height × width × channels, by their sizes.`,
        );
      if (note) notes.push(note);
      return {
        field: { name: field, type: 'float', dims: image.shape, isImage: true },
        type: 'float',
        pixels: { ...image, scale: PIXEL_SCALE, normalization },
      };
    }
    notes.push(`"${array.name}" is taken as numbers, not pixels: its samples are ${dims.join(' × ')}.`);
  }
  if (takesFloats && (input || isFloatType(array.type))) {
    const changed = settings.augment !== undefined && settings.augment !== 'none' && isFloatType(array.type);
    const image = changed ? imageShapeOf(dims, input) : undefined;
    if (image) {
      notes.push(
        `"${array.name}" is taken as images of floats, which are changed by "augment" and not normalised.`,
      );
      return {
        field: { name: field, type: 'float', dims: image.shape, isImage: true },
        type: 'float',
        pixels: { ...image, scale: 1, normalization: asTheyAre(image.shape[0]), isFloat: true },
      };
    }
    const isImage = isFloatType(array.type) && isFloatImage(dims, input);
    return { field: { name: field, type: 'float', dims, ...(isImage && { isImage }) }, type: 'float' };
  }
  if (isFloatType(array.type))
    throw new FlatminError(
      'INVALID_DATA',
      `The model reads "${field}" as ${input!.type}, but ${described(array)} of ${array.file} is of floats: save it as integers, or name another array, as --map ${field}=ARRAY.`,
    );
  const type = (['int64', 'int32', 'uint8', 'bool'] as const).find((each) => each === input?.type) ?? 'int64';
  return { field: { name: field, type, dims }, type };
}

const asTheyAre = (channels: number): Normalization => ({
  mean: Array<number>(channels).fill(0),
  std: Array<number>(channels).fill(1),
});

/** Floats are fed as they are where they fit; images with their channels first can be turned for a model that takes them last. */
function isFloatImage(dims: readonly number[], input: ModelInput | undefined): boolean {
  if (dims.length !== 3 || imageShapeOf(dims, input)?.isChannelsLast !== false) return false;
  if (!input) return true;
  const fits = dims.every((size, at) => {
    const stated = input.dims[at + 1];
    return typeof stated === 'string' || stated === size;
  });
  return input.dims.length === 4 && !fits;
}

/** How arrays of train and test become a target: integers are class labels, where the loss takes such. */
function targetPlan(
  field: string,
  arrays: readonly StoredArray[],
  { loss, ignoreIndex }: OpenContext,
): Omit<TargetPlan, 'array'> {
  const [array] = arrays as [StoredArray];
  const dims = rowElements(array) === 1 ? [] : array.dims.slice(1);
  if (!isFloatType(array.type) && (wantsClasses(loss) || loss === 'ctc')) {
    const found = wantsClasses(loss) ? classesOf(arrays, ignoreIndex) : undefined;
    return {
      field: { name: field, type: 'int64', dims, ...(found && { classes: found.classes }) },
      type: 'int64',
      places: found?.places,
    };
  }
  if (loss !== undefined && wantsClasses(loss))
    throw new FlatminError(
      'INVALID_DATA',
      `The loss ${loss} compares with class labels, but ${described(array)} of ${array.file} is of floats: save it as integers (.astype("int64")), or choose a loss of values, as --loss mse.`,
    );
  return { field: { name: field, type: 'float', dims: array.dims.slice(1) }, type: 'float' };
}
