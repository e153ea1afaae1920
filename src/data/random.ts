import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

export type { RandomGenerator };
export { uniformFloat64, uniformInt };

/** The first word of every key: draws for different purposes never share a stream. */
export const Purpose = {
  shuffle: 1,
  augmentation: 2,
  subset: 3,
  split: 4,
  pixels: 5,
  mixing: 6,
  sampling: 7,
} as const;

const LANES = [0x9e3779b9, 0x7f4a7c15, 0xbf58476d, 0x94d049bb] as const;

/** The 32-bit finaliser of MurmurHash3 (A. Appleby): a bijection in which every input bit moves every output bit. */
function avalanche(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A 32-bit hash of non-negative safe integers; each `lane` is a different hash. */
function mix(key: readonly number[], lane: number): number {
  let h = lane;
  for (const part of key) {
    h = avalanche(((h ^ part) + lane) | 0);
    h = avalanche(((h ^ (part / 0x100000000)) + lane) | 0);
  }
  return h;
}

/**
 * A generator (xoroshiro128+) whose whole 128-bit state is a hash of the key, so that streams of different keys, such as
 * `(purpose, seed, epoch, index)`, are independent. The same key always gives the same stream.
 */
export function randomStream(...key: number[]): RandomGenerator {
  return xoroshiro128plusFromState(LANES.map((lane) => mix(key, lane)));
}

/** 0 … size−1 in random order (Fisher and Yates). */
export function shuffledIndices(size: number, random: RandomGenerator): Int32Array {
  const order = Int32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/** A draw of Beta(α, α), by two gamma variates (Marsaglia & Tsang 2000). */
export function symmetricBeta(alpha: number, random: RandomGenerator): number {
  // Small α make both so small that they could be zero: their logarithms never are.
  const [a, b] = [logGamma(alpha, random), logGamma(alpha, random)];
  return 1 / (1 + Math.exp(b - a));
}

/** The logarithm of a draw of Gamma(α, 1). */
function logGamma(alpha: number, random: RandomGenerator): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log1p(-uniformFloat64(random)) / alpha;
  const d = alpha - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    const u = 1 - uniformFloat64(random);
    if (v > 0 && Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** Box and Muller, one of the pair. */
const normal = (random: RandomGenerator): number =>
  Math.sqrt(-2 * Math.log1p(-uniformFloat64(random))) * Math.cos(2 * Math.PI * uniformFloat64(random));
