import { fromFloat16 } from '../../formats/float16.js';
import { copyMessage } from '../model.js';
import type { Tensor } from '../proto.js';
import { DataType, type TensorData, tensorData } from './tensor.js';

export const isHalfPrecision = (type: number): boolean =>
  type === DataType.float16 || type === DataType.bfloat16;

/** Numbers as the elements of a tensor of a floating-point type, rounded to nearest, ties to even. */
export function encodeFloats(type: number, values: ArrayLike<number>): TensorData {
  switch (type) {
    case DataType.double:
      return Float64Array.from(values);
    case DataType.float16:
      return Uint16Array.from(values, float16Bits);
    case DataType.bfloat16:
      return Uint16Array.from(values, bfloat16Bits);
    default:
      return Float32Array.from(values);
  }
}

/** The numbers that the elements of a half-precision tensor stand for. */
export function decodeHalf(type: number, bits: ArrayLike<number>): Float32Array {
  return Float32Array.from(bits, type === DataType.bfloat16 ? fromBfloat16 : fromFloat16);
}

/** The largest number of a floating-point type, where it is below float32's. */
const LARGEST: ReadonlyMap<number, number> = new Map([
  [DataType.float16, 65504],
  [DataType.bfloat16, 2 ** 128 - 2 ** 120],
]);

/** The first finite number that a type holds as infinity only, and the largest that it holds. */
export function firstOverflow(
  type: number,
  values: Float32Array,
): { value: number; largest: number } | undefined {
  const largest = LARGEST.get(type);
  if (largest === undefined) return undefined;
  const isLost = (value: number) =>
    Math.abs(value) > largest &&
    Number.isFinite(value) &&
    !Number.isFinite(decodeHalf(type, encodeFloats(type, [value]) as Uint16Array)[0]);
  const value = values.find(isLost);
  return value === undefined ? undefined : { value, largest };
}

/** Types whose numbers flatmin computes in float32. */
export const isOtherFloat = (type: number): boolean => isHalfPrecision(type) || type === DataType.double;

const LARGEST_FLOAT32 = 2 ** 128 - 2 ** 104;

/** A copy of a tensor of half precision or doubles in float32; finite numbers beyond float32's range (masks) become its largest. */
export function asFloat32(tensor: Tensor): Tensor {
  const type = tensor.dataType ?? 0;
  const data = tensorData(tensor) as Uint16Array | Float64Array;
  const values = isHalfPrecision(type) ? decodeHalf(type, data) : Float32Array.from(data, intoFloat32);
  const rawData = new Uint8Array(values.buffer as ArrayBuffer);
  return Object.assign(copyMessage(tensor), {
    dataType: DataType.float,
    rawData,
    doubleData: [],
    int32Data: [],
  });
}

const intoFloat32 = (value: number): number =>
  Number.isFinite(value) ? Math.max(-LARGEST_FLOAT32, Math.min(LARGEST_FLOAT32, value)) : value;

const single = new Float32Array(1);
const word = new Uint32Array(single.buffer);

/** The upper half of a float32. */
function bfloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  single[0] = value;
  const bits = word[0]!;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function fromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return single[0]!;
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
function float16Bits(value: number): number {
  single[0] = value;
  const sign = (word[0]! >>> 16) & 0x8000;
  const size = Math.abs(single[0]!);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Subnormal numbers have the exponent of the smallest normal ones.
  const exponent = Math.max(((word[0]! >>> 23) & 0xff) - 127, -14);
  const fraction = roundToEven(size * 2 ** (10 - exponent));
  // The leading one of a normal number adds 1 to the exponent field, and so does a carry.
  return sign | ((exponent + 14) * 1024 + fraction);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
