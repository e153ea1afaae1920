import { FlatminError } from '../../errors.js';
import type { ArrayColumn } from '../arrays/array-maker.js';
import { arraySource } from '../arrays/array-source.js';
import { rowsOf, type StoredArray } from '../arrays/stored-array.js';
import { missing, wantsClasses } from '../column-roles.js';
import { imageShape } from '../folder/image-size.js';
import type { OpenContext } from '../kind.js';
import type { Classes, Field, Source } from '../source.js';
import { seededSplit, TEST_SHARE } from '../split.js';
import { keepLabels, requireTrained } from '../unseen-labels.js';
import {
  type Gatherer,
  type Gathering,
  gather,
  type LabelGatherer,
  labelGatherer,
  vectorGatherer,
} from './gather.js';
import { groupedSource } from './grouped-source.js';
import type { ParquetFile } from './parquet-file.js';
import {
  Moments,
  type Standardisation,
  standardisationNote,
  standardisationOf,
  standardise,
} from './standardise.js';
import type { TableFile } from './table-file.js';
import { type TablePlan, type TableRole, tableRoles } from './table-roles.js';
import { fitNotes, rowNumbers, TextGatherer, type TextPlan, textPlan, withTokens } from './text-columns.js';
import { ROWS, type StoredTexts } from './token-columns.js';

/** Files that are trained on and those that are tested on; absent: a part of the training rows is. */
export interface TableParts {
  readonly train: readonly TableFile[];
  readonly test?: readonly TableFile[] | undefined;
  readonly notes: readonly string[];
}

/** How much of a table is held in memory. */
export interface TableLimits {
  /** Bytes of the inputs of a Parquet set, above which it is read row group by row group. */
  readonly memory: number;
  /** Bytes of the row groups of a window; a thread holds two. */
  readonly window: number;
}

const LIMITS: TableLimits = { memory: 2 ** 30, window: 2 ** 27 };

/**
 * A table as a source for a model.
 * @param location of the files, for people
 * @throws FlatminError INVALID_ARGUMENT for columns or settings that do not fit, INVALID_DATA naming file, row and column of a cell
 */
export async function openTable(
  location: string,
  parts: TableParts,
  given: OpenContext,
  limits: TableLimits = LIMITS,
): Promise<Source> {
  const [first] = parts.train;
  const text = await textPlan(first!, given);
  const context = text?.rest.context ?? given;
  const { settings, ignoreIndex } = context;
  const roles = tableRoles(text?.rest.table ?? first!, context);
  const inputs = roles.inputs.map((role) => inputPlan(role, context));
  const [image, second] = inputs.filter(({ isImage }) => isImage);
  if (second)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `Two inputs of the model are columns of images of ${location}, ${image!.field} and ${second.field}: tables give one.`,
    );
  const targets = roles.targets.map((role) => targetPlan(role, first!, context));
  const files = [...parts.train, ...(parts.test ?? [])];
  requireColumns(files, [...inputs, ...targets, ...(text ? [text] : [])]);
  if (parts.test && settings.split !== undefined)
    throw new FlatminError('INVALID_ARGUMENT', `${location} has test rows of its own: leave "split" out.`);
  const floats = inputs.filter(({ type, isImage }) => type === 'float' && !isImage);
  const wanted = image
    ? undefined
    : standardisationOf(settings, floats.flatMap(({ columns }) => columns).length);
  const notes = [...new Set([...parts.notes, ...files.flatMap((table) => table.notes), ...roles.notes])];

  const isLarge = image !== undefined || bytesOf(files, inputs) > limits.memory;
  const gathered = isLarge ? targets : [...inputs, ...targets];
  const gatherers = gatherersOf(gathered, ignoreIndex, undefined);
  const trainTexts = textGatherings(text);
  const train = (await gather(parts.train, [...gatherers, ...trainTexts])).slice(0, gatherers.length);
  const known = gatherers.map(({ gatherer }) =>
    'classes' in gatherer ? (gatherer as LabelGatherer).classes : undefined,
  );
  const others = gatherersOf(gathered, ignoreIndex, known);
  const testTexts = textGatherings(text);
  const test = parts.test && (await gather(parts.test, [...others, ...testTexts])).slice(0, others.length);
  const classes = (test ? others : gatherers)
    .slice(-targets.length)
    .map(({ gatherer }) => ('classes' in gatherer ? (gatherer as LabelGatherer).classes : undefined));
  for (const [at, each] of classes.entries()) {
    const placesIn = (of: readonly Gathering[]) =>
      (of.slice(-targets.length)[at]!.gatherer as Partial<LabelGatherer>).places;
    const found = each && placesIn(gatherers);
    const note =
      !found || context.isMeasured ? undefined : requireTrained(each.count, found, test && placesIn(others));
    if (note) notes.push(note);
  }

  const ofTrain = trainTexts.map(({ gatherer }) => gatherer.texts);
  const texts = {
    train: ofTrain,
    test: parts.test ? testTexts.map(({ gatherer }) => gatherer.texts) : ofTrain,
  };
  const size = texts.train[0]?.ends.length ?? (isLarge ? rowsIn(parts.train) : rowsOf(train[0]!));
  if (text) notes.push(...fitNotes(text, texts.train));
  let split = test ? undefined : seededSplit(size, settings.split ?? TEST_SHARE, context.seed);
  for (const [at, each] of classes.entries()) {
    if (!split || !each) continue;
    const labels = new Int32Array(train.slice(-targets.length)[at]!.memory!);
    const kept = keepLabels(split, labels, (label) => each.names[label] ?? String(label), {
      ...{ isMeasured: context.isMeasured, ignoreIndex, location },
    });
    split = kept.split;
    if (kept.note) notes.push(kept.note);
  }
  if (split)
    notes.push(
      `${split.test.length} of ${size} rows, drawn by the seed, are tested on; --split sets their share.`,
    );
  const shared = {
    name: location,
    inputs: inputs.map(fieldOf),
    targets: targets.map(
      (plan, at): Field => ({ ...fieldOf(plan), ...(classes[at] && { classes: classes[at] }) }),
    ),
    notes,
  };
  const columns = (arrays: readonly StoredArray[], of: readonly StoredTexts[]): ArrayColumn[] => [
    ...arrays.map((array, at) => ({ field: gathered[at]!.field, array, type: gathered[at]!.type })),
    ...of
      .slice(0, 1)
      .map(({ ends }) => ({ field: ROWS, array: rowNumbers(ends.length, location), type: 'int32' as const })),
  ];
  const tokenized = (source: Source) => (text ? withTokens(source, text, texts) : source);
  if (isLarge) {
    const source = await groupedSource({
      ...{ ...shared, plans: inputs, wanted, split, settings, seed: context.seed, window: limits.window },
      train: { files: parts.train as ParquetFile[], arrays: columns(train, texts.train) },
      test: parts.test && { files: parts.test as ParquetFile[], arrays: columns(test!, texts.test) },
    });
    return tokenized(source);
  }

  const normalization = standardised(wanted, inputs, train, test, split?.train);
  const own = columns(train, texts.train);
  const source = arraySource({
    ...shared,
    ...(normalization && { normalization: { scale: 1, ...normalization } }),
    notes: [...notes, ...standardisationNote(wanted, floats)],
    train: { columns: own, rows: split?.train },
    test: test ? { columns: columns(test, texts.test) } : { columns: own, rows: split!.test },
  });
  return tokenized(source);
}

/** A gatherer for each column of texts. */
const textGatherings = (text: TextPlan | undefined) =>
  (text?.columns ?? []).map((column) => ({ columns: [column], gatherer: new TextGatherer(column.name) }));

const fieldOf = ({ field, type, dims, isImage }: TablePlan): Field => ({
  name: field,
  type,
  dims,
  ...(isImage && { isImage }),
});

function inputPlan(role: TableRole, { inputs, settings }: OpenContext): TablePlan {
  const { input, columns } = role;
  if (columns[0]?.kind === 'image') {
    const { shape } = imageShape(inputs && [input!], settings.imageSize);
    return { ...role, type: 'float', dims: shape, isClasses: false, isImage: true };
  }
  const type = (['int64', 'int32', 'uint8', 'bool'] as const).find((each) => each === input?.type) ?? 'float';
  const dims = columns.length === 1 && input?.dims.length === 1 ? [] : [columns.length];
  return { ...role, type, dims, isClasses: false };
}

function targetPlan(role: TableRole, { file }: TableFile, { loss }: OpenContext): TablePlan {
  const [column, ...others] = role.columns;
  const { name, kind } = column!;
  const isClasses = others.length === 0 && kind !== 'float' && (wantsClasses(loss) || kind === 'text');
  if (kind === 'text' && !wantsClasses(loss))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The loss ${loss} compares with numbers, but the target "${name}" of ${file} is of texts: choose cross-entropy, or another column, as --map target=COLUMN.`,
    );
  if (!isClasses && loss !== undefined && wantsClasses(loss))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The loss ${loss} compares with class labels, but the target ${role.columns.map((each) => `"${each.name}"`).join(', ')} of ${file} is of values: choose a loss of values, as --loss mse, or another column, as --map labels=COLUMN.`,
    );
  const dims = others.length === 0 ? [] : [role.columns.length];
  return { ...role, type: isClasses ? 'int64' : 'float', dims, isClasses };
}

function gatherersOf(
  plans: readonly TablePlan[],
  ignoreIndex: number | undefined,
  known: readonly (Classes | undefined)[] | undefined,
): Gathering[] {
  return plans.map(({ field, columns, type, isClasses }, at) => {
    const gatherer: Gatherer = isClasses
      ? labelGatherer(field, columns[0]!, ignoreIndex, known?.[at])
      : vectorGatherer(field, columns, type !== 'float');
    return { columns, gatherer };
  });
}

/** @throws FlatminError INVALID_ARGUMENT where another file lacks a column */
function requireColumns(files: readonly TableFile[], plans: readonly Pick<TablePlan, 'columns'>[]): void {
  for (const { file, columns } of files) {
    const names = new Set(columns.map(({ name }) => name));
    for (const plan of plans)
      for (const { name } of plan.columns) if (!names.has(name)) missing('column', name, file, names);
  }
}

const rowsIn = (files: readonly TableFile[]): number => files.reduce((sum, { rows = 0 }) => sum + rows, 0);

/** Of the inputs, where the files say how many rows they have; else 0. */
const bytesOf = (files: readonly TableFile[], plans: readonly TablePlan[]): number =>
  rowsIn(files) *
  plans.reduce((sum, { columns, type }) => sum + columns.length * (type === 'float' ? 4 : 8), 0);

/** Standardises the float inputs in place; by what, one number for each of their columns. */
function standardised(
  wanted: Standardisation,
  inputs: readonly TablePlan[],
  train: readonly StoredArray[],
  test: readonly StoredArray[] | undefined,
  rows: Int32Array | undefined,
) {
  if (wanted === undefined) return undefined;
  const mean: number[] = [];
  const std: number[] = [];
  for (const [at, { type, columns }] of inputs.entries()) {
    if (type !== 'float') continue;
    const numbers = new Float32Array(train[at]!.memory!);
    const width = columns.length;
    const own =
      wanted === 'measured'
        ? measured(numbers, width, rows)
        : {
            mean: wanted.mean.slice(mean.length, mean.length + width),
            std: wanted.std.slice(std.length, std.length + width),
          };
    standardise(numbers, own);
    if (test) standardise(new Float32Array(test[at]!.memory!), own);
    mean.push(...own.mean);
    std.push(...own.std);
  }
  return { mean, std };
}

function measured(numbers: Float32Array, width: number, rows: Int32Array | undefined) {
  const moments = new Moments(width);
  const count = rows?.length ?? numbers.length / width;
  for (let at = 0; at < count; at++) moments.add(numbers, rows ? rows[at]! : at);
  return moments.normalization;
}
