import {
  type ArrayColumn,
  arrayMaker,
  FIELD_ARRAYS,
  type MixedFields,
  withShares,
} from '../arrays/array-maker.js';
import type { Augmentation } from '../augment/augmentation.js';
import type { Normalization } from '../images/normalization.js';
import { Purpose, type RandomGenerator, randomStream, shuffledIndices } from '../random.js';
import type { Batch, BatchRecipe, FieldArray, FieldType, Maker } from '../source.js';
import { type ColumnImages, ColumnImageWriter, type EncodedImage, encodedImages } from './column-images.js';
import { numberIn } from './gather.js';
import { openParquet, type ParquetFile, type RowGroup } from './parquet-file.js';
import { standardise } from './standardise.js';

/** A row group of one of several files, one behind the other. */
export interface PlacedGroup extends RowGroup {
  readonly file: string;
  /** Of all rows, its first. */
  readonly start: number;
}

/** A field that is read row group by row group. */
export interface GroupField {
  readonly field: string;
  readonly columns: readonly string[];
  readonly type: FieldType;
  readonly normalization?: Normalization | undefined;
  /** Where the column is of images. */
  readonly images?: ColumnImages | undefined;
}

/** All that a batch of a Parquet set that is larger than memory depends on but its indices. */
export interface GroupRecipe extends BatchRecipe {
  readonly maker: 'row-groups';
  readonly groups: readonly PlacedGroup[];
  readonly fields: readonly GroupField[];
  /** Fields that are in memory. */
  readonly arrays: readonly ArrayColumn[];
  /** The rows of the part; absent: all. */
  readonly rows: Int32Array | undefined;
  /** Row groups of a window. A thread keeps one, and reads the next one ahead. */
  readonly kept: number;
  /** Whether the order of an epoch is that of `windowedOrder`, by the seed; else that of the files. What is read ahead follows it. */
  readonly isShuffled: boolean;
  /** Of images. */
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
  /** Absent: targets are as they are. */
  readonly mixed?: MixedFields | undefined;
}

/** The group of a row. */
export function groupOf(groups: readonly PlacedGroup[], row: number): number {
  let [low, high] = [0, groups.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (groups[middle]!.start <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * The order of an epoch: row groups are shuffled, and in windows of `kept` of them all their samples, so that a thread has to hold no
 * more than a window.
 * @param rows the rows of the samples, ascending; absent: all
 * @param drawn the samples of the epoch, ascending; default: each once
 */
export function windowedOrder(
  groups: readonly PlacedGroup[],
  rows: Int32Array | undefined,
  kept: number,
  random: RandomGenerator,
  drawn?: Int32Array,
): Int32Array {
  const size = drawn?.length ?? rows?.length ?? groups.reduce((sum, { count }) => sum + count, 0);
  const sampleAt = (place: number) => (drawn ? drawn[place]! : place);
  const rowAt = (place: number) => (rows ? rows[sampleAt(place)]! : sampleAt(place));
  const starts = new Int32Array(groups.length + 1).fill(size);
  for (let index = 0, group = 0; group < groups.length; group++) {
    while (index < size && rowAt(index) < groups[group]!.start) index++;
    starts[group] = index;
  }
  const order = new Int32Array(size);
  const shuffled = shuffledIndices(groups.length, random);
  let filled = 0;
  for (let first = 0; first < shuffled.length; first += kept) {
    const begin = filled;
    for (const group of shuffled.subarray(first, first + kept))
      for (let index = starts[group]!; index < starts[group + 1]!; index++) order[filled++] = sampleAt(index);
    const window = order.slice(begin, filled);
    for (const [at, from] of shuffledIndices(window.length, random).entries())
      order[begin + at] = window[from]!;
  }
  return order;
}

/** The rows of a group: of each field, numbers side by side or images. */
type Decoded = readonly (Float32Array | Float64Array | readonly EncodedImage[])[];

/**
 * The groups of the window behind the last one that a batch is of.
 * @param order groups as an epoch takes them, in windows of `kept`
 */
export function groupsAhead(order: Int32Array, kept: number, batch: Iterable<number>): Int32Array {
  let last = 0;
  for (const group of batch) last = Math.max(last, order.indexOf(group));
  const next = (Math.floor(last / kept) + 1) * kept;
  return order.subarray(next, next + kept);
}

/** Reads row groups when a batch needs them first or ahead of that, and keeps those that were used last. */
class GroupReader {
  private readonly files = new Map<string, Promise<ParquetFile>>();
  private readonly held = new Map<number, Promise<Decoded>>();

  private isReading = false;

  constructor(private readonly recipe: Pick<GroupRecipe, 'groups' | 'fields' | 'kept'>) {}

  /** Begins to read the first of some groups that is not here, unless one is on its way. Why one cannot be read is told by `get`. */
  readAhead(groups: Iterable<number>): void {
    if (this.isReading) return;
    for (const group of groups) {
      if (this.held.has(group)) continue;
      this.isReading = true;
      const done = () => {
        this.isReading = false;
      };
      this.get(group).then(done, done);
      return;
    }
  }

  get(group: number): Promise<Decoded> {
    const found = this.held.get(group) ?? this.read(group);
    this.held.delete(group);
    this.held.set(group, found);
    for (const oldest of this.held.keys()) {
      if (this.held.size <= 2 * this.recipe.kept) break;
      this.held.delete(oldest);
    }
    return found;
  }

  private async read(index: number): Promise<Decoded> {
    const { groups, fields } = this.recipe;
    const group = groups[index]!;
    const table = await this.open(group.file);
    const names = [...new Set(fields.flatMap(({ columns }) => columns))];
    const rows = await table.readGroup(group, names);
    return fields.map(({ columns, type, normalization, images }) => {
      if (images) return encodedImages(table, rows, columns[0]!, rows.columns[names.indexOf(columns[0]!)]!);
      const isInteger = type !== 'float';
      const numbers = new (isInteger ? Float64Array : Float32Array)(rows.count * columns.length);
      for (const [place, name] of columns.entries()) {
        const cells = rows.columns[names.indexOf(name)]!;
        for (let at = 0; at < rows.count; at++)
          numbers[at * columns.length + place] = numberIn(table, rows, at, name, cells[at], isInteger);
      }
      if (normalization) standardise(numbers as Float32Array, normalization);
      return numbers;
    });
  }

  private open(file: string): Promise<ParquetFile> {
    const found = this.files.get(file) ?? openParquet(file);
    this.files.set(file, found);
    return found;
  }
}

/** The inputs of all rows of a group, by fields, before they are normalised. */
export const readGroupFields = (recipe: Pick<GroupRecipe, 'groups' | 'fields'>) => {
  const reader = new GroupReader({ ...recipe, kept: 0 });
  return (group: number): Promise<Decoded> => reader.get(group);
};

/** Makes batches of a Parquet set that is larger than memory. */
export function groupMaker(recipe: GroupRecipe): Maker {
  const { groups, fields, arrays, rows, augmentation, seed, mixed, kept, isShuffled } = recipe;
  let order: { readonly epoch: number; readonly groups: Int32Array } | undefined;
  const orderOf = (epoch: number): Int32Array => {
    if (order?.epoch !== epoch) {
      // As the loader draws it.
      const random = randomStream(Purpose.shuffle, seed, epoch);
      const own = isShuffled
        ? shuffledIndices(groups.length, random)
        : Int32Array.from(groups, (_, group) => group);
      order = { epoch, groups: own };
    }
    return order.groups;
  };
  const reader = new GroupReader(recipe);
  const inMemory = arrayMaker({ maker: 'arrays', columns: arrays, rows, augmentation: undefined, seed: 0 });
  const writers = fields.map(({ images }) => images && new ColumnImageWriter(images, augmentation, seed));
  return {
    async make(epoch, indices, keys = indices): Promise<Batch> {
      const numbers = fields.map(({ type, columns, images }): FieldArray | undefined =>
        images ? undefined : new FIELD_ARRAYS[type](indices.length * columns.length),
      );
      const encoded = fields.map(({ images }) =>
        images ? new Array<EncodedImage>(indices.length) : undefined,
      );
      const placed = Array.from(indices, (index, at) => {
        const row = rows ? rows[index]! : index;
        return { at, row, group: groupOf(groups, row) };
      });
      // One group after the other, so that each is needed once.
      const needed = [...new Set(placed.map((each) => each.group))].sort((a, b) => a - b);
      for (const group of needed) {
        const decoded = await reader.get(group);
        const { start } = groups[group]!;
        for (const { at, row } of placed.filter((each) => each.group === group))
          for (const [place, from] of decoded.entries()) {
            if (ArrayBuffer.isView(from)) copyRow(from, row - start, numbers[place]!, at, indices.length);
            else encoded[place]![at] = from[row - start]!;
          }
      }
      const batch: Record<string, FieldArray> = {};
      for (const [place, { field }] of fields.entries())
        batch[field] = numbers[place] ?? (await writers[place]!.write(encoded[place]!, epoch, keys));
      const whole = { ...batch, ...(await inMemory.make(epoch, indices)) };
      reader.readAhead(groupsAhead(orderOf(epoch), kept, needed));
      return mixed ? withShares(whole, mixed, augmentation, { keys, seed, epoch }) : whole;
    },
  };
}

function copyRow(
  from: Float32Array | Float64Array,
  row: number,
  to: FieldArray,
  at: number,
  batch: number,
): void {
  const width = to.length / batch;
  const numbers = from.subarray(row * width, (row + 1) * width);
  if (to instanceof BigInt64Array) to.set(Array.from(numbers, BigInt), at * width);
  else to.set(numbers, at * width);
}
