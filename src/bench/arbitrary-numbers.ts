import { uniforms } from '../addon/random.js';
import type { DeviceBuffer } from '../addon/types.js';
import { DataType } from '../onnx/tensors/tensor.js';

/** Elements that are drawn; larger buffers hold them several times. */
const DRAWN = 2 ** 20;

/** Bits of a half-precision number in [½, 1): its exponent, and as many random bits as its mantissa has. */
const HALVES: Readonly<Record<number, { exponent: number; mantissa: number }>> = {
  [DataType.float16]: { exponent: 0x3800, mantissa: 2 ** 10 },
  [DataType.bfloat16]: { exponent: 0x3f00, mantissa: 2 ** 7 },
};

/** Fills a buffer with numbers in [½, 1½): of what no kernel is faster or fails on. Integers and others stay zero. */
export function fillArbitrarily(buffer: DeviceBuffer, type: number, count: number): void {
  const drawn = numbers(type, Math.min(count, DRAWN));
  if (!drawn) return;
  for (let first = 0; first < count; first += drawn.length)
    buffer.write(drawn.subarray(0, Math.min(drawn.length, count - first)), first * drawn.BYTES_PER_ELEMENT);
}

function numbers(type: number, count: number): Float32Array | Uint16Array | undefined {
  const random = uniforms(count, 0, 0);
  if (type === DataType.float) return random.map((value) => value + 0.5);
  const half = HALVES[type];
  return half && Uint16Array.from(random, (value) => half.exponent + Math.floor(value * half.mantissa));
}
