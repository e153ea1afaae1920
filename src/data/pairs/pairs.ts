import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FlatminError, invalid } from '../../errors.js';
import { type Augmentation, checkAugmentation, parseAugmentation } from '../augment/augmentation.js';
import { SMALL } from '../augment/boxes.js';
import { keptBudget } from '../folder/budget.js';
import { damagedFiles, damagedNote, mendOf } from '../folder/damaged.js';
import { openDecoder } from '../folder/decode.js';
import { fileAt, packFiles, relativeAt } from '../folder/file-list.js';
import { Gate } from '../folder/gate.js';
import { imageShape } from '../folder/image-size.js';
import { keptImages } from '../folder/images.js';
import { byCodePoint, gatherImages, TEST_NAMES } from '../folder/listing.js';
import { normalizationOf, sharedOrder } from '../folder/measure.js';
import { namedNormalization } from '../images/named-normalization.js';
import { dataKind, type OpenContext } from '../kind.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import type { RecipeUse, Source, SourcePart, TargetRows } from '../source.js';
import type { PairsRecipe } from './batch.js';
import { readIndexPng } from './index-png.js';

const SPLIT = 0.1;
/** A label for no class, as in PASCAL VOC. */
const IGNORED = 255;
/** Masks of a part that are looked at for how many classes there are. */
const MOST_COUNTED = 500;
const AT_ONCE = 8;

/** All but what makes a batch. */
type PairFiles = Omit<
  PairsRecipe,
  'maker' | 'scale' | 'normalization' | 'augmentation' | 'seed' | 'classes' | 'ignoreIndex'
>;

/**
 * Images with masks, as `DataKind.open`: DIR/train/images and DIR/train/masks beside DIR/val/…, or DIR/images and DIR/masks.
 * @throws FlatminError NOT_FOUND without the folders or sharp; INVALID_DATA for an image without a mask; INVALID_ARGUMENT for settings that do
 * not fit
 */
async function openPairs(
  dir: string,
  { settings, seed, inputs, ignoreIndex = IGNORED }: OpenContext,
): Promise<Source> {
  const { augment = 'auto', split, onDamaged = 'refuse' } = settings;
  const { shape, notes: shapeNotes } = imageShape(inputs, settings.imageSize);
  const usual = Math.max(shape[1], shape[2]) > SMALL ? 'rrc=0.5:1,flip' : 'flip';
  const augmentation = parseAugmentation(augment === 'auto' ? usual : augment);
  if (augmentation) {
    checkAugmentation(augmentation, { shape, isBytes: true, scale: 255 });
    refuseWithMasks(augmentation, augment);
  }
  const named = namedNormalization(settings, shape[0]);
  await openDecoder();
  const notes = [...shapeNotes];

  const parts = (await namesIn(dir)).includes('train') ? await namesIn(dir) : undefined;
  const testPart = parts && TEST_NAMES.find((name) => parts.includes(name));
  if (testPart && split !== undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${dir} has a part that is tested on, ${testPart}, so that "split" has no use: leave it out.`,
    );
  const all = await wholePairs(dir, parts ? 'train' : '', onDamaged, notes);
  const planes = shape[1] * shape[2];
  // A byte of a mask for the channels of each pixel.
  let budget = (keptBudget() * shape[0]) / (shape[0] + 1);
  const filesOf = (images: readonly string[], part: string): PairFiles => {
    const kept = keptImages(images.length, shape, budget);
    budget -= kept.pixels.length;
    return {
      files: packFiles(join(dir, part, 'images'), images),
      masks: packFiles(join(dir, part, 'masks'), images.map(maskOf)),
      keptMasks: new Uint8Array(new SharedArrayBuffer(kept.filled.length * planes)),
      order: sharedOrder(images.length),
      ...{ shape, kept, mend: mendOf(onDamaged, 'the file and its mask'), isWhole: true },
    };
  };
  const divided = testPart
    ? { train: all, test: await wholePairs(dir, testPart, onDamaged, notes) }
    : divide(all, split ?? SPLIT, seed, notes);
  const train = filesOf(divided.train, parts ? 'train' : '');
  const test = filesOf(divided.test, testPart ?? (parts ? 'train' : ''));
  if (augment === 'auto')
    notes.push(
      `Training images are changed by ${usual}, as is usual at ${shape[1]}×${shape[2]} (--augment).`,
    );
  notes.push(
    `Pixels of label ${ignoreIndex} count for nothing${ignoreIndex === IGNORED ? ', as in PASCAL VOC' : ''} (--ignore-index).`,
  );
  const { count, largestAt } = await countClasses([train, test], seed, ignoreIndex);
  // Kept images have their masks kept, which nothing reads here.
  const measured = { ...train, kept: keptImages(0, shape, 0) };
  const normalization = named ?? (await normalizationOf(measured, seed, notes));
  const part = (files: PairFiles, classes: number | undefined): SourcePart => ({
    size: files.order.length,
    fileOf: (index) => relativeAt(files.files, files.order[index]!),
    recipe: ({ seed: own, augment: isAugmented }: RecipeUse): PairsRecipe => ({
      ...files,
      maker: 'pairs',
      ...{ scale: 255, normalization, seed: own, classes, ignoreIndex },
      augmentation: isAugmented ? augmentation : undefined,
    }),
    targets: () => maskRows(files),
  });
  const taken = (files: PairFiles, indices: Int32Array | undefined): PairFiles =>
    indices ? { ...files, order: sharedOrder(indices.length, (i) => files.order[indices[i]!]!) } : files;
  const source = (own: { train: PairFiles; test: PairFiles }, classes?: number): Source => ({
    name: basename(dir),
    inputs: [{ name: 'images', type: 'float', dims: shape, isImage: true }],
    targets: [
      {
        name: 'labels',
        type: 'int64',
        dims: [shape[1], shape[2]],
        // Of some masks: a model may know more.
        classes: { count, names: [], isPartial: true, ignoreIndex, largestAt },
      },
    ],
    train: part(own.train, classes),
    test: part(own.test, classes),
    normalization: { scale: 255, ...normalization },
    notes,
    within: (known) => source(own, known),
    take: (indices) =>
      source({ train: taken(own.train, indices.train), test: taken(own.test, indices.test) }, classes),
  });
  return source({ train, test });
}

/** @throws FlatminError INVALID_ARGUMENT for changes of images whose masks they would not fit */
function refuseWithMasks({ randaugment, mixup, cutmix, crop }: Augmentation, given: string): void {
  if (randaugment || mixup || cutmix || crop?.mode === 'zero')
    throw invalid(
      'augment',
      'without randaugment, mixup, cutmix and crop=…:zero, which masks do not follow',
      given,
    );
}

const namesIn = async (dir: string): Promise<string[]> =>
  (
    await readdir(dir).catch((cause) => {
      throw new FlatminError('NOT_FOUND', `${dir} is not a folder that can be read.`, { cause });
    })
  ).sort(byCodePoint);

const maskOf = (path: string): string => `${stemOf(path)}.png`;

const stemOf = (path: string): string => path.replace(/\.[^.]*$/, '');

/** The images of a part, each of which has a mask. */
async function filesIn(dir: string, part: string, notes: string[]): Promise<string[]> {
  const [images, masks] = [join(dir, part, 'images'), join(dir, part, 'masks')];
  const found: string[] = [];
  const held: string[] = [];
  for (const [folder, list] of [
    [images, found],
    [masks, held],
  ] as const) {
    await namesIn(folder);
    await gatherImages(folder, '', list);
  }
  found.sort(byCodePoint);
  const stems = new Set(held.filter((path) => path.toLowerCase().endsWith('.png')).map(stemOf));
  const bare = found.filter((path) => !stems.has(stemOf(path)));
  if (found.length === 0) throw new FlatminError('INVALID_DATA', `${images} has no image.`);
  if (bare.length > 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${bare.length} of ${found.length} images in ${images} have no mask of the same name in ${masks}, such as ${bare[0]}: expected ${maskOf(bare[0]!)}.`,
    );
  const spare = stems.size - new Set(found.map(stemOf)).size;
  if (spare > 0) notes.push(`Ignored in ${masks}: ${spare} without an image.`);
  return found;
}

/** The images of a part; with `skip` those that are whole and have a whole mask of their size. */
async function wholePairs(
  dir: string,
  part: string,
  onDamaged: 'refuse' | 'skip',
  notes: string[],
): Promise<string[]> {
  const found = await filesIn(dir, part, notes);
  if (onDamaged === 'refuse') return found;
  const decoder = await openDecoder();
  const [images, masks] = [join(dir, part, 'images'), join(dir, part, 'masks')];
  const damaged = await damagedFiles(found, async (path) => {
    try {
      return await decoder.problemOf(join(images, path), await readIndexPng(join(masks, maskOf(path))));
    } catch (error) {
      if (error instanceof FlatminError) return error.message;
      throw error;
    }
  });
  if (damaged.size === 0) return found;
  notes.push(damagedNote(damaged));
  const whole = found.filter((path) => !damaged.has(path));
  if (whole.length === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `No image in ${images} is whole and has a whole mask in ${masks}: the first, ${found[0]}: ${damaged.get(found[0]!)}.`,
    );
  return whole;
}

function divide(
  paths: readonly string[],
  share: number,
  seed: number,
  notes: string[],
): { train: string[]; test: string[] } {
  const held = Math.min(paths.length - 1, Math.round(share * paths.length));
  const isTest = new Set(shuffledIndices(paths.length, randomStream(Purpose.split, seed)).subarray(0, held));
  notes.push(
    `${held} of ${paths.length} images, a share of ${share} drawn by the seed, are tested on, not trained on (--split).`,
  );
  return { train: paths.filter((_, i) => !isTest.has(i)), test: paths.filter((_, i) => isTest.has(i)) };
}

/** The masks of samples, in their order and as they are in their files. */
async function* maskRows({ masks, order }: PairFiles): AsyncGenerator<TargetRows> {
  for (let first = 0; first < order.length; first += AT_ONCE) {
    const some = Array.from(order.subarray(first, first + AT_ONCE), (file) =>
      readIndexPng(fileAt(masks, file)),
    );
    for (const { classes } of await Promise.all(some)) yield { values: classes, samples: 1 };
  }
}

/** One more than the largest label of some masks of each part, and the file that has it. */
async function countClasses(
  parts: readonly PairFiles[],
  seed: number,
  ignored: number,
): Promise<{ count: number; largestAt: string }> {
  const gate = new Gate(AT_ONCE);
  const random = () => randomStream(Purpose.subset, seed);
  const chosen = parts.flatMap(({ masks, order }) =>
    Array.from(shuffledIndices(order.length, random()).subarray(0, MOST_COUNTED), (at) =>
      fileAt(masks, order[at]!),
    ),
  );
  const largest = await Promise.all(
    chosen.map((file) =>
      gate.run(async () => {
        const { classes } = await readIndexPng(file);
        return classes.reduce((most, each) => (each === ignored ? most : Math.max(most, each)), 0);
      }),
    ),
  );
  const label = Math.max(...largest);
  return { count: label + 1, largestAt: chosen[largest.indexOf(label)]! };
}

export const pairs = dataKind({
  name: 'pairs',
  location: 'DIR',
  settings: ['augment', 'split', 'normalization', 'mean', 'std', 'imageSize', 'onDamaged'],
  augment: 'auto',
  open: openPairs,
});
