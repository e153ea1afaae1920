import type { ArrayColumn } from '../arrays/array-maker.js';
import type { Normalization } from '../images/normalization.js';
import type { RandomGenerator } from '../random.js';
import type { Source, SourcePart } from '../source.js';
import type { ParquetFile } from './parquet-file.js';
import {
  type GroupField,
  type GroupRecipe,
  groupOf,
  type PlacedGroup,
  readGroupFields,
  windowedOrder,
} from './row-groups.js';
import { Moments, type Standardisation, standardisationNote } from './standardise.js';
import type { TablePlan } from './table-roles.js';

/** What a source of Parquet files that are larger than memory is made of. */
export interface GroupedParts extends Pick<Source, 'name' | 'inputs' | 'targets' | 'notes'> {
  readonly plans: readonly TablePlan[];
  readonly wanted: Standardisation;
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

/** Row groups of a part and which of their rows it has, ascending; absent: all. */
interface GroupedPart {
  readonly groups: readonly PlacedGroup[];
  readonly arrays: readonly ArrayColumn[];
  readonly rows: Int32Array | undefined;
}

/** A Parquet set that is larger than memory as a source: its inputs are read row group by row group. */
export async function groupedSource({
  plans,
  wanted,
  split,
  window,
  ...parts
}: GroupedParts): Promise<Source> {
  const train = { groups: placed(parts.train.files), arrays: parts.train.arrays, rows: split?.train };
  const test = parts.test
    ? { groups: placed(parts.test.files), arrays: parts.test.arrays, rows: undefined }
    : { ...train, rows: split!.test };
  const fields = plans.map(
    ({ field, columns, type }): GroupField => ({
      field,
      columns: columns.map(({ name }) => name),
      type,
    }),
  );
  const normalization = await normalizationOf(wanted, fields, train);
  let at = 0;
  const normalised = fields.map((field): GroupField => {
    if (!normalization || field.type !== 'float') return field;
    const [from, to] = [at, at + field.columns.length];
    at = to;
    return {
      ...field,
      normalization: { mean: normalization.mean.slice(from, to), std: normalization.std.slice(from, to) },
    };
  });
  const rowBytes = plans.reduce(
    (sum, { columns, type }) => sum + columns.length * (type === 'float' ? 4 : 8),
    0,
  );
  const largest = Math.max(...[...train.groups, ...test.groups].map(({ count }) => count * rowBytes));
  const kept = Math.max(1, Math.floor(window / largest));
  const { name, inputs, targets, notes } = parts;
  const shared = {
    ...{ name, inputs, targets },
    ...(normalization && { normalization: { scale: 1, ...normalization } }),
    notes: [
      ...notes,
      ...standardisationNote(
        wanted,
        plans.filter(({ type }) => type === 'float'),
      ),
      `The set is larger than what is held in memory: its ${train.groups.length} row groups are shuffled, and rows within windows of ${kept} of them.`,
    ],
  };
  return sourceOf(shared, normalised, kept, train, test);
}

function sourceOf(
  shared: Omit<Source, 'train' | 'test' | 'take'>,
  fields: readonly GroupField[],
  kept: number,
  train: GroupedPart,
  test: GroupedPart,
): Source {
  const part = ({ groups, arrays, rows }: GroupedPart): SourcePart => ({
    size: rows?.length ?? groups.reduce((sum, { count }) => sum + count, 0),
    recipe: (): GroupRecipe => ({ maker: 'row-groups', groups, fields, arrays, rows, kept }),
    order: (random: RandomGenerator) => windowedOrder(groups, rows, kept, random),
  });
  // In the order of the files, whatever was asked for: any other would read every group for every batch.
  const taken = ({ rows, ...others }: GroupedPart, indices: Int32Array | undefined): GroupedPart => ({
    ...others,
    rows: indices ? indices.map((index) => (rows ? rows[index]! : index)).sort() : rows,
  });
  return {
    ...shared,
    train: part(train),
    test: part(test),
    take: (indices) => sourceOf(shared, fields, kept, taken(train, indices.train), taken(test, indices.test)),
  };
}

function placed(files: readonly ParquetFile[]): PlacedGroup[] {
  let start = 0;
  return files.flatMap(({ file, groups }) =>
    groups.map((group) => {
      const own = { ...group, file, start };
      start += group.count;
      return own;
    }),
  );
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
      for (const [at, numbers] of decoded.entries()) moments[at]!.add(numbers, row - start);
  }
  const found = moments.map(({ normalization }) => normalization);
  return { mean: found.flatMap(({ mean }) => mean), std: found.flatMap(({ std }) => std) };
}

function rowsByGroup(groups: readonly PlacedGroup[], rows: Int32Array): Map<number, number[]> {
  const byGroup = new Map<number, number[]>();
  for (const row of rows) {
    const group = groupOf(groups, row);
    const own = byGroup.get(group);
    if (own) own.push(row);
    else byGroup.set(group, [row]);
  }
  return byGroup;
}
