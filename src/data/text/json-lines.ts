import type { FileHandle } from 'node:fs/promises';
import type { Batch, BatchRecipe, Maker } from '../source.js';
import { parseRecord, textOf } from './json-record.js';
import { type LineIndex, openFile, pathOf, readLine } from './line-file.js';
import { TokenRows, type TokenShape } from './token-inputs.js';
import { openTokenizer, type TextTokenizer } from './tokenizer.js';

/** Rows of tokens of texts in JSON lines, and their classes. */
export interface JsonLinesRecipe extends BatchRecipe {
  readonly maker: 'json-lines';
  readonly lines: LineIndex;
  /** Class indices by line, on shared memory. */
  readonly labels: Int32Array;
  /** One text, or the two of a pair. */
  readonly columns: readonly string[];
  readonly tokenizer: string;
  readonly shape: TokenShape;
}

class JsonLinesMaker implements Maker {
  constructor(
    private readonly recipe: JsonLinesRecipe,
    private readonly tokenizer: TextTokenizer,
  ) {}

  async make(_epoch: number, indices: Int32Array): Promise<Batch> {
    const { lines, labels, columns, shape } = this.recipe;
    const rows = new TokenRows(shape, indices.length);
    const opened = new Map<string, FileHandle>();
    try {
      for (const [row, index] of indices.entries()) {
        const [path, number] = [pathOf(lines, index), lines.numbers[index]!];
        const file = opened.get(path) ?? (await openFile(path));
        opened.set(path, file);
        const record = parseRecord(await readLine(file, lines, index), path, number);
        const [text, pair] = columns.map((column) => textOf(record, column, path, number));
        const { ids, types } = this.tokenizer.encode(text!, true, pair);
        rows.set(row, ids, types, this.tokenizer.padId ?? 0);
      }
    } finally {
      for (const file of opened.values()) await file.close();
    }
    return { ...rows.arrays, labels: BigInt64Array.from(indices, (index) => BigInt(labels[index]!)) };
  }
}

export const jsonLinesMaker = async (recipe: JsonLinesRecipe): Promise<Maker> =>
  new JsonLinesMaker(recipe, await openTokenizer(recipe.tokenizer));
