import { readNeighbours } from '../arrays/row-reader.js';
import type { StoredArray } from '../arrays/stored-array.js';
import type { Batch, BatchRecipe, Maker } from '../source.js';
import { TokenRows, type TokenShape } from './token-inputs.js';

/** Rows of consecutive tokens, and for each token the one behind it. */
export interface TokenBlocksRecipe extends BatchRecipe {
  readonly maker: 'token-blocks';
  /** All tokens, one document behind the other. */
  readonly tokens: StoredArray;
  /** Where blocks begin, on shared memory. */
  readonly starts: Float64Array;
  readonly shape: TokenShape;
}

export const tokenBlocksMaker = ({ tokens, starts, shape }: TokenBlocksRecipe): Maker => ({
  make(_epoch, indices): Batch {
    const { length } = shape;
    const rows = new TokenRows(shape, indices.length);
    const labels = new BigInt64Array(indices.length * length);
    for (const [row, index] of indices.entries()) {
      const own = readNeighbours(tokens, starts[index]!, length + 1) as Uint32Array;
      rows.set(row, own.subarray(0, length), undefined, 0);
      for (let at = 0; at < length; at++) labels[row * length + at] = BigInt(own[at + 1]!);
    }
    return { ...rows.arrays, labels };
  },
});
