import type { ArrayColumn } from '../arrays/array-maker.js';
import { onSharedMemory, targetRows } from '../arrays/array-source.js';
import { mixedFieldsOf, withSharesTarget } from '../arrays/mixed-fields.js';
import { mixes } from '../augment/augmentation.js';
import type { Normalization } from '../images/normalization.js';
import type { DataSettings } from '../options.js';
import type { RandomGenerator } from '../random.js';
import type { Source, SourcePart } from '../source.js';
import { IMAGE_SCALE } from './column-images.js';
import { imagesOf } from './grouped-images.js';
import { type GroupedPart, placed, rowsByGroup } from './grouped-part.js';
import type { ParquetFile } from './parquet-file.js';
import { type GroupField, type GroupRecipe, readGroupFields, windowedOrder } from './row-groups.js';
import { Moments, type Standardisation, standardisationNote } from './standardise.js';
import type { TablePlan } from './table-roles.js';

/** What a source of Parquet files that are larger than memory is made of. */
export interface GroupedParts extends Pick<Source, 'name' | 'inputs' | 'targets' | 'notes'> {
  readonly plans: readonly TablePlan[];
  readonly wanted: Standardisation;
  /** Of images. */
  readonly settings: DataSettings;
  readonly seed: number;
  readonly split: { readonly train: Int32Array; readonly test: Int32Array } | undefined;
  /** Bytes of row groups that a thread holds. */
  readonly window: number;
  readonly train: GroupedFiles;
  readonly test: GroupedFiles | undefined;
}

interface GroupedFiles {
  readonly files: readonly ParquetFile[];
  /** Targets, in memory. */
  readonly arrays: readonly ArrayColumn[];
}

/** A Parquet set that is larger than memory as a source: its inputs are read row group by row group. */
export async function groupedSource({
  plans,
  wanted,
  split,
  window,
  settings,
  seed,
  ...parts
}: GroupedParts): Promise<Source> {
  const train = { groups: placed(parts.train.files), arrays: parts.train.arrays, rows: split?.train };
  const test = parts.test
    ? { groups: placed(parts.test.files), arrays: parts.test.arrays, rows: undefined }
    : { ...train, rows: split!.test };
  const fields = plans.map(
    ({ field, columns, type }): GroupField => ({ field, columns: columns.map(({ name }) => name), type }),
  );
  const kept = keptOf(plans, [train, test], window);
  const { name, inputs, targets } = parts;
  const shared = { name, inputs, targets };
  const told = (notes: readonly string[]) => [...parts.notes, ...notes, ...shuffleNotes(train, kept)];
  const image = plans.findIndex(({ isImage }) => isImage);
  if (image >= 0) {
    const { shape, normalization, augmentation, notes } = await imagesOf(
      plans[image]!,
      train,
      settings,
      seed,
    );
    fields[image] = { ...fields[image]!, images: { shape, normalization } };
    const mixed = mixes(augmentation) ? mixedFieldsOf(shared, name) : undefined;
    return sourceOf(
      {
        ...shared,
        ...(mixed && { targets: withSharesTarget(targets, mixed) }),
        normalization: { scale: IMAGE_SCALE, ...normalization },
        notes: told(notes),
      },
      { fields, kept, augmentation, mixed },
      train,
      test,
    );
  }
  const normalization = await normalizationOf(wanted, fields, train);
  const floats = plans.filter(({ type }) => type === 'float');
  return sourceOf(
    {
      ...shared,
      ...(normalization && { normalization: { scale: 1, ...normalization } }),
      notes: told(standardisationNote(wanted, floats)),
    },
    { fields: normalised(fields, normalization), kept, augmentation: undefined },
    train,
    test,
  );
}

/** Float fields with their columns' part of mean and deviation. */
function normalised(fields: readonly GroupField[], normalization: Normalization | undefined): GroupField[] {
  if (!normalization) return [...fields];
  let at = 0;
  return fields.map((field) => {
    if (field.type !== 'float') return field;
    const [from, to] = [at, at + field.columns.length];
    at = to;
    const { mean, std } = normalization;
    return { ...field, normalization: { mean: mean.slice(from, to), std: std.slice(from, to) } };
  });
}

/** Where all row groups fit into a window, rows are shuffled as those of any set. */
const shuffleNotes = ({ groups: { length } }: GroupedPart, kept: number): string[] =>
  kept >= length
    ? []
    : [
        `The set is larger than what is held in memory: its ${length} row groups are shuffled, and rows within windows of ${kept} of them.`,
      ];

/** Row groups that fit into `window` bytes. */
function keptOf(plans: readonly TablePlan[], parts: readonly GroupedPart[], window: number): number {
  const ofRow = plans.reduce(
    (sum, { columns, type, isImage }) => sum + (isImage ? 0 : columns.length * (type === 'float' ? 4 : 8)),
    0,
  );
  const hasImages = plans.some(({ isImage }) => isImage);
  const sizes = parts.flatMap(({ groups }) =>
    groups.map(({ count, bytes }) => count * ofRow + (hasImages ? bytes : 0)),
  );
  const largest = sizes.reduce((most, size) => Math.max(most, size), 1);
  return Math.max(1, Math.floor(window / largest));
}

function sourceOf(
  shared: Omit<Source, 'train' | 'test' | 'take'>,
  use: Pick<GroupRecipe, 'fields' | 'kept' | 'augmentation' | 'mixed'>,
  train: GroupedPart,
  test: GroupedPart,
): Source {
  const part = ({ groups, arrays, rows: given }: GroupedPart): SourcePart => {
    const rows = given && onSharedMemory(given);
    return {
      size: rows?.length ?? groups.reduce((sum, { count }) => sum + count, 0),
      recipe: ({ seed, augment }): GroupRecipe => ({
        maker: 'row-groups',
        ...{ groups, arrays, rows, seed, ...use },
        augmentation: augment ? use.augmentation : undefined,
        isShuffled: augment,
      }),
      order: (random: RandomGenerator, drawn?: Int32Array) =>
        windowedOrder(groups, rows, use.kept, random, drawn),
      targets: (field) => targetRows({ columns: arrays, rows }, field),
    };
  };
  // In the order of the files, whatever was asked for: any other would read every group for every batch.
  const taken = ({ rows, ...others }: GroupedPart, indices: Int32Array | undefined): GroupedPart => ({
    ...others,
    rows: indices ? indices.map((index) => (rows ? rows[index]! : index)).sort() : rows,
  });
  return {
    ...shared,
    train: part(train),
    test: part(test),
    take: (indices) => sourceOf(shared, use, taken(train, indices.train), taken(test, indices.test)),
  };
}

/** Mean and deviation of the columns of all float inputs over the training rows, in one pass over their row groups. */
async function normalizationOf(
  wanted: Standardisation,
  fields: readonly GroupField[],
  { groups, rows }: GroupedPart,
): Promise<Normalization | undefined> {
  if (wanted !== 'measured') return wanted;
  const floats = fields.filter(({ type }) => type === 'float');
  const moments = floats.map(({ columns }) => new Moments(columns.length));
  const read = readGroupFields({ groups, fields: floats });
  const chosen = rows && rowsByGroup(groups, rows);
  for (const [index, { start, count }] of groups.entries()) {
    const decoded = await read(index);
    const own = chosen ? (chosen.get(index) ?? []) : Array.from({ length: count }, (_, row) => start + row);
    for (const row of own)
      for (const [at, numbers] of decoded.entries()) moments[at]!.add(numbers as Float32Array, row - start);
  }
  const found = moments.map(({ normalization }) => normalization);
  return { mean: found.flatMap(({ mean }) => mean), std: found.flatMap(({ std }) => std) };
}
