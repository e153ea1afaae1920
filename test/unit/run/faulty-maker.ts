import { existsSync } from 'node:fs';
import type { BatchRecipe, Maker } from '../../../src/data/index.js';
import { FlatminError } from '../../../src/errors.js';

export interface Faulty extends BatchRecipe {
  /** While there is such a file, the sample cannot be read. */
  readonly flag: string;
  readonly damaged: number;
}

/** Two classes of points, by the sign of the first coordinate. */
export const maker = ({ flag, damaged }: Faulty): Maker => ({
  async make(_epoch, indices) {
    if (indices.includes(damaged) && existsSync(flag))
      throw new FlatminError('INVALID_DATA', `points.txt, row ${damaged} cannot be read.`);
    const x = Float32Array.from({ length: 2 * indices.length }, (_, at) =>
      Math.sin(2 * indices[at >> 1]! + (at & 1)),
    );
    return { x, labels: BigInt64Array.from(indices, (_, at) => (x[2 * at]! > 0 ? 1n : 0n)) };
  },
});
