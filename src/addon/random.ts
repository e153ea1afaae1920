import { availableParallelism } from 'node:os';
import { addon } from './addon.js';

/** Counter-based Philox4x32-10 (native/vectors/philox.h): a value depends on seed, stream and index alone. */

/** `count` standard normal numbers of a stream. */
export function normals(count: number, seed: number, stream: number): Float32Array {
  const out = new Float32Array(count);
  addon.normals(out, BigInt(seed), BigInt(stream), 0n, availableParallelism());
  return out;
}

/** `count` numbers in [0, 1) of a stream, multiples of 2⁻²⁴. */
export function uniforms(count: number, seed: number, stream: number): Float32Array {
  const bits = new Uint32Array(count);
  addon.randomBits(bits, BigInt(seed), BigInt(stream), 0n, availableParallelism());
  return Float32Array.from(bits, (word) => (word >>> 8) / 2 ** 24);
}
