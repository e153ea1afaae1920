import { FlatminError } from '../../errors.js';
import type { ArrayColumn } from '../arrays/array-maker.js';
import { onSharedMemory } from '../arrays/array-source.js';
import { type Augmentation, checkAugmentation, mixes, parseAugmentation } from '../augment/augmentation.js';
import type { ImageShape } from '../images/image-shape.js';
import { namedNormalization } from '../images/named-normalization.js';
import type { Normalization } from '../images/normalization.js';
import type { DataSettings } from '../options.js';
import { Purpose, type RandomGenerator, randomStream, shuffledIndices } from '../random.js';
import type { Source, SourcePart } from '../source.js';
import { type ColumnImages, type EncodedImage, IMAGE_SCALE, measureImages } from './column-images.js';
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
  settings,
  seed,
  ...parts
}: GroupedParts): Promise<Source> {
  const train = { groups: placed(parts.train.files), arrays: parts.train.arrays, rows: split?.train };
  const test = parts.test
    ? { groups: placed(parts.test.files), arrays: parts.test.arrays, rows: undefined }
    : { ...train, rows: split!.test };
  const plain = plans.map(
    ({ field, columns, type }): GroupField => ({ field, columns: columns.map(({ name }) => name), type }),
  );
  const image = plans.findIndex(({ isImage }) => isImage);
  if (image >= 0) {
    const { shape, normalization, augmentation, notes } = await imagesOf(
      plans[image]!,
      train,
      settings,
      seed,
    );
    const fields = plain.map((field, at) =>
      at === image ? { ...field, images: { shape, normalization } } : field,
    );
    const kept = keptOf(plans, [train, test], window);
    const { name, inputs, targets } = parts;
    return sourceOf(
      {
        ...{ name, inputs, targets },
        normalization: { scale: IMAGE_SCALE, ...normalization },
        notes: [...parts.notes, ...notes, shuffleNote(train, kept)],
      },
      { fields, kept, augmentation },
      train,
      test,
    );
  }
  const fields = plain;
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
  const kept = keptOf(plans, [train, test], window);
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
      shuffleNote(train, kept),
    ],
  };
  return sourceOf(shared, { fields: normalised, kept, augmentation: undefined }, train, test);
}

const shuffleNote = ({ groups }: GroupedPart, kept: number): string =>
  `The set is not held in memory: its ${groups.length} row groups are shuffled, and rows within windows of ${kept} of them.`;

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

/** As many images tell mean and deviation to the third digit. */
const MOST_MEASURED = 2_000;

/** How a column of images becomes a model's: by what it is normalised and changed. */
async function imagesOf(
  { field, columns, dims, type }: TablePlan,
  { groups, rows }: GroupedPart,
  settings: DataSettings,
  seed: number,
): Promise<ColumnImages & { augmentation: Augmentation | undefined; notes: readonly string[] }> {
  const shape = dims as unknown as ImageShape;
  const augmentation = parseAugmentation(settings.augment ?? 'none');
  if (augmentation) checkAugmentation(augmentation, { shape, isBytes: true, scale: IMAGE_SCALE });
  if (mixes(augmentation))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      '"augment" has mixup or cutmix, which images of folders and data sets in memory have, and tables have not: leave it out.',
    );
  const named = namedNormalization(settings, shape[0]);
  if (named) return { shape, normalization: named, augmentation, notes: [] };
  const plain = { mean: Array<number>(shape[0]).fill(0), std: Array<number>(shape[0]).fill(1) };
  const read = readGroupFields({
    groups,
    fields: [
      { field, columns: columns.map(({ name }) => name), type, images: { shape, normalization: plain } },
    ],
  });
  const chosen = rows && rowsByGroup(groups, rows);
  let measured = 0;
  const batches = async function* () {
    // Whole row groups, so that few are read.
    for (const index of shuffledIndices(groups.length, randomStream(Purpose.subset, seed, 2))) {
      if (measured >= MOST_MEASURED) return;
      const { start, count } = groups[index]!;
      const own = chosen ? (chosen.get(index) ?? []) : Array.from({ length: count }, (_, row) => start + row);
      const [images] = (await read(index)) as [readonly EncodedImage[]];
      const some = own.slice(0, MOST_MEASURED - measured);
      measured += some.length;
      for (let at = 0; at < some.length; at += CHUNK)
        yield some.slice(at, at + CHUNK).map((row) => images[row - start]!);
    }
  };
  const normalization = await measureImages(shape, batches());
  const size = rows?.length ?? groups.reduce((sum, { count }) => sum + count, 0);
  const notes =
    measured < size
      ? [`Pixels are normalised by the mean and deviation of ${measured} training images (--normalization).`]
      : [];
  return { shape, normalization, augmentation, notes };
}

/** Decoded at a time. */
const CHUNK = 64;

function sourceOf(
  shared: Omit<Source, 'train' | 'test' | 'take'>,
  use: Pick<GroupRecipe, 'fields' | 'kept' | 'augmentation'>,
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
      }),
      order: (random: RandomGenerator) => windowedOrder(groups, rows, use.kept, random),
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
      for (const [at, numbers] of decoded.entries()) moments[at]!.add(numbers as Float32Array, row - start);
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
