import { FlatminError } from '../../errors.js';
import type { Augmentation } from '../augment/augmentation.js';
import type { Batch, BatchRecipe, FieldArray, FieldType, Maker } from '../source.js';
import { type Pixels, PixelWriter } from './pixels.js';
import { readRows } from './row-reader.js';
import { isFloatType, type Numbers, rowElements, type StoredArray } from './stored-array.js';

/** A field of a batch and the array that it is of. */
export interface ArrayColumn {
  /** Of the field. */
  readonly field: string;
  readonly array: StoredArray;
  readonly type: FieldType;
  /** Where the elements are pixels. */
  readonly pixels?: Pixels | undefined;
}

/** All that a batch of arrays depends on but its indices and epoch. */
export interface ArrayRecipe extends BatchRecipe {
  readonly maker: 'arrays';
  readonly columns: readonly ArrayColumn[];
  /** The rows of the part, on shared memory; absent: all, in their order. */
  readonly rows: Int32Array | undefined;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
}

/** Reads the rows of a batch where they lie. */
export function arrayMaker({ columns, rows, augmentation, seed }: ArrayRecipe): Maker {
  const makers = columns.map(({ field, array, type, pixels }) => {
    if (!pixels) return [field, (at: Int32Array) => converted(array, type, readRows(array, at), at)] as const;
    const writer = new PixelWriter(pixels, augmentation, seed);
    const make = (at: Int32Array, epoch: number, indices: Int32Array): FieldArray => {
      const bytes = readRows(array, at) as Uint8Array;
      const out = new Float32Array(bytes.length);
      for (let i = 0; i < indices.length; i++) writer.write(out, bytes, i, epoch, indices[i]!);
      return out;
    };
    return [field, make] as const;
  });
  return {
    make(epoch, indices): Batch {
      const at = rows ? indices.map((index) => rows[index]!) : indices;
      return Object.fromEntries(makers.map(([field, make]) => [field, make(at, epoch, indices)]));
    },
  };
}

/** What holds the elements of a field. */
export const FIELD_ARRAYS = {
  float: Float32Array,
  double: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Numbers as elements of a field. @throws FlatminError INVALID_DATA for one that is not finite, or that the type does not hold */
function converted(array: StoredArray, type: FieldType, numbers: Numbers, rows: Int32Array): FieldArray {
  const out = cast(numbers, type);
  const at =
    type === 'float' || type === 'double'
      ? isFloatType(array.type)
        ? (out as Float32Array).findIndex((value) => !Number.isFinite(value))
        : -1
      : firstOther(numbers, out);
  if (at < 0) return out;
  const elements = rowElements(array);
  const place = elements > 1 ? `, element ${at % elements}` : '';
  const [value, row] = [numbers[at]!, rows[Math.floor(at / elements)]!];
  const what = Number.isFinite(Number(value))
    ? `more than ${type} holds`
    : 'no finite number: remove the sample, or give it a value';
  throw new FlatminError(
    'INVALID_DATA',
    `${array.file}, "${array.name}", row ${row}${place}: ${value} is ${what}.`,
  );
}

function cast(numbers: Numbers, type: FieldType): FieldArray {
  const Target = FIELD_ARRAYS[type];
  if (numbers instanceof Target) return numbers;
  if (type === 'int64') return BigInt64Array.from(numbers as Int32Array, (value) => BigInt(value));
  const isBig = numbers instanceof BigInt64Array || numbers instanceof BigUint64Array;
  return isBig
    ? (Target as typeof Int32Array).from(numbers as never as number[], Number)
    : new (Target as typeof Int32Array)(numbers as Int32Array);
}

/** The first element that is another number than it was; −1 where there is none. */
function firstOther(numbers: Numbers, out: FieldArray): number {
  if (numbers === out) return -1;
  for (let at = 0; at < out.length; at++) if (Number(numbers[at]) !== Number(out[at])) return at;
  return -1;
}
