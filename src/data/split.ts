import { Purpose, randomStream, shuffledIndices } from './random.js';

/** The share of samples that are tested on where the data have no part for that. */
export const TEST_SHARE = 0.1;

/** Samples of both parts, ascending. */
export interface Split {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/** Samples 0 … size − 1 in two parts, drawn from the seed and each in ascending order. Of two samples or more both have one. */
export function seededSplit(size: number, share: number, seed: number): Split {
  const count = size < 2 ? 0 : Math.min(size - 1, Math.max(1, Math.round(share * size)));
  const order = shuffledIndices(size, randomStream(Purpose.split, seed));
  return { train: order.slice(count).sort(), test: order.slice(0, count).sort() };
}
