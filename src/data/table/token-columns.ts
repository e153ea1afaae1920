import type { Batch, BatchRecipe, Maker } from '../source.js';
import { TokenRows, type TokenShape } from '../text/token-inputs.js';
import { openTokenizer } from '../text/tokenizer.js';

/** The field of row numbers, which is no name of a model's input. */
export const ROWS = ' rows';

/** Texts behind each other in UTF-8, and where each ends. On shared memory. */
export interface StoredTexts {
  readonly bytes: SharedArrayBuffer;
  readonly ends: Float64Array;
}

/** The text of a row. */
export const textAt = ({ bytes, ends }: StoredTexts, row: number): string => {
  const start = row === 0 ? 0 : ends[row - 1]!;
  return Buffer.from(bytes, start, ends[row]! - start).toString('utf8');
};

/** Rows of a table, and tokens of their texts. */
export interface TokenColumnsRecipe extends BatchRecipe {
  readonly maker: 'token-columns';
  /** Of the other columns, and of the numbers of the rows. */
  readonly inner: BatchRecipe;
  /** One text of each row, or the two of a pair. */
  readonly texts: readonly StoredTexts[];
  readonly tokenizer: string;
  readonly shape: TokenShape;
}

/** @param makerOf the registry of makers */
export async function tokenColumnsMaker(
  { inner, texts, tokenizer: path, shape }: TokenColumnsRecipe,
  makerOf: (recipe: BatchRecipe) => Promise<Maker>,
): Promise<Maker> {
  const [others, tokenizer] = await Promise.all([makerOf(inner), openTokenizer(path)]);
  return {
    async make(epoch, indices): Promise<Batch> {
      const { [ROWS]: numbers, ...batch } = await others.make(epoch, indices);
      const rows = new TokenRows(shape, indices.length);
      for (const [at, row] of (numbers as Int32Array).entries()) {
        const [text, pair] = texts.map((column) => textAt(column, row));
        const { ids, types } = tokenizer.encode(text!, true, pair);
        rows.set(at, ids, types, tokenizer.padId ?? 0);
      }
      return { ...rows.arrays, ...batch };
    },
  };
}
