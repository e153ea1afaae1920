import { readdirSync, readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { decodeModel, type ModelProto } from '../../src/onnx/proto.js';
import { fillRandom } from './fill-random.js';

/** What a tensor is at one of its uses; 'unknown' where the exports do not tell. */
export type TrueRole = 'parameter' | 'statistic' | 'constant' | 'unknown';

export interface TrueUse {
  /** Subgraph that holds the reader: `/NODE.ATTRIBUTE` for each level; absent for the main graph. */
  readonly graph?: string;
  /** Index in the graph's nodes, Identity nodes on the tensor looked through; −1: the graph's output of index `slot`. */
  readonly node: number;
  readonly slot: number;
  readonly role: TrueRole;
  /** Names of the source's parameters, statistics or buffers that it holds; several where they were packed or folded. Uses with equal names are a tie. */
  readonly of?: readonly string[];
}

export interface TrueTensor {
  readonly name: string;
  readonly origin: 'initializer' | 'constant';
  /** Subgraph that holds it; absent for the main graph. */
  readonly graph?: string;
  readonly shape: readonly number[];
  readonly uses: readonly TrueUse[];
}

/** An exported model with the truth about each floating-point tensor that it holds. */
export interface CorpusRow {
  /** Library that the model is of. */
  readonly source: string;
  readonly model: string;
  /** Exporter, and the tool that rewrote the file after it. */
  readonly form: string;
  /** As constructed, or each parameter and statistic random. */
  readonly weights: 'fresh' | 'random' | 'fitted';
  readonly tensors: readonly TrueTensor[];
  /** The model; random weights that the fixture leaves out are drawn anew, the same each time. */
  load(): ModelProto;
}

const folder = new URL('../../../test/fixtures/corpus/', import.meta.url);

export const corpusSources = (): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.br'))
    .map((file) => file.slice(0, -3))
    .sort();

/** Rows of one source. The format is documented in scripts/corpus/strip.py. */
export function readCorpus(source: string): CorpusRow[] {
  const packed = brotliDecompressSync(readFileSync(new URL(`${source}.br`, folder)));
  const models = 4 + packed.readUInt32LE(0);
  const index: (Omit<CorpusRow, 'source' | 'load'> & { offset: number; length: number })[] = JSON.parse(
    packed.toString('utf8', 4, models),
  );
  return index.map(({ offset, length, ...row }) => ({
    source,
    ...row,
    load: () => {
      const bytes = packed.subarray(models + offset, models + offset + length);
      return fillRandom(decodeModel(bytes, `${source}/${row.model}/${row.form}-${row.weights}`));
    },
  }));
}
