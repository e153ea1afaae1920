import { DataType, type TensorData } from './tensor.js';

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

function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >>> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
