import type { BatchRecipe, Maker } from '../../../src/data/index.js';
import { FlatminError } from '../../../src/errors.js';

export interface Counting extends BatchRecipe {
  readonly first: number;
  readonly isChanged: boolean;
  /** Index of a sample that cannot be read. */
  readonly damaged?: number;
}

/** x = first + index, and half more where samples are changed. */
export const maker = ({ first, isChanged, damaged }: Counting): Maker => ({
  async make(_epoch, indices) {
    if (damaged !== undefined && indices.includes(damaged))
      throw new FlatminError('INVALID_DATA', `row ${damaged} of numbers.txt is no number`);
    return { x: Float32Array.from(indices, (index) => first + index + (isChanged ? 0.5 : 0)) };
  },
});
