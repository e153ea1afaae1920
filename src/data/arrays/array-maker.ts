import type { Augmentation } from '../augment/augmentation.js';
import { mixedBatch } from '../augment/mix.js';
import type { ImageShape } from '../images/image-shape.js';
import type { Batch, BatchRecipe, FieldArray, FieldType, Maker } from '../source.js';
import { misfitElement } from './finite.js';
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

/** Where targets are shares of classes: the field of the images that are mixed, and that of their labels. */
export interface MixedFields {
  readonly images: string;
  readonly shape: ImageShape;
  readonly labels: string;
  readonly classes: number;
}

/** A batch with its images mixed as `augmentation` has it, and with shares of classes as targets. */
export function withShares(
  batch: Batch,
  { images, shape, labels, classes }: MixedFields,
  augmentation: Augmentation | undefined,
  of: { keys: ArrayLike<number>; seed: number; epoch: number },
): Batch {
  const chosen = Array.from(batch[labels]!, Number);
  const given = { images: batch[images] as Float32Array, shape, labels: chosen, classes, ...of };
  const made = mixedBatch(augmentation, given);
  return { ...batch, [images]: made.images, [labels]: made.labels };
}

/** All that a batch of arrays depends on but its indices and epoch. */
export interface ArrayRecipe extends BatchRecipe {
  readonly maker: 'arrays';
  readonly columns: readonly ArrayColumn[];
  /** The rows of the part, on shared memory; absent: all, in their order. */
  readonly rows: Int32Array | undefined;
  readonly augmentation: Augmentation | undefined;
  readonly seed: number;
  /** Absent: targets are as they are. */
  readonly mixed?: MixedFields | undefined;
}

/** Reads the rows of a batch where they lie. */
export function arrayMaker({ columns, rows, augmentation, seed, mixed }: ArrayRecipe): Maker {
  const makers = columns.map(({ field, array, type, pixels }) => {
    if (!pixels) return [field, (at: Int32Array) => converted(array, type, readRows(array, at), at)] as const;
    const writer = new PixelWriter(pixels, augmentation, seed);
    const make = (at: Int32Array, epoch: number, keys: ArrayLike<number>): FieldArray => {
      const given = readRows(array, at);
      const numbers =
        given instanceof Uint8Array ? given : (converted(array, 'float', given, at) as Float32Array);
      const out = new Float32Array(numbers.length);
      for (let i = 0; i < at.length; i++) writer.write(out, numbers, i, epoch, keys[i]!);
      return out;
    };
    return [field, make] as const;
  });
  return {
    make(epoch, indices, keys = indices): Batch {
      const at = rows ? indices.map((index) => rows[index]!) : indices;
      const batch = Object.fromEntries(makers.map(([field, make]) => [field, make(at, epoch, keys)]));
      return mixed ? withShares(batch, mixed, augmentation, { keys, seed, epoch }) : batch;
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
  throw misfitElement(array, rows[Math.floor(at / elements)]!, at % elements, numbers[at]!, type);
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
