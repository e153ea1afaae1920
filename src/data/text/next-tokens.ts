import { FlatminError } from '../../errors.js';
import type { OpenContext } from '../kind.js';
import type { Field, Source } from '../source.js';
import { unknownNotes } from './fit.js';
import { SPLIT } from './given.js';
import type { TokenBlocksRecipe } from './token-blocks.js';
import { type TokenShape, tokenFields } from './token-inputs.js';
import type { TextTokenizer } from './tokenizer.js';

/** Next-token prediction: documents behind each other, cut into blocks. */
export function nextTokens(
  location: string,
  { settings: { split = SPLIT } }: OpenContext,
  shape: TokenShape,
  tokenizer: TextTokenizer,
  documents: { train: readonly string[]; test?: readonly string[] },
): Source {
  const { length } = shape;
  const train = tokensOf(tokenizer, documents.train);
  const blocks = (count: number) => Math.max(0, Math.floor((count - 1) / length));
  const unknown = train.reduce((sum, id) => sum + Number(id === tokenizer.unknownId), 0);
  const notes = unknownNotes(unknown, train.length, location);
  const starts = (from: number, to: number): Float64Array => {
    const list = new Float64Array(new SharedArrayBuffer(8 * (to - from)));
    for (let at = 0; at < list.length; at++) list[at] = (from + at) * length;
    return list;
  };
  const all = blocks(train.length);
  const told = `${train.length} tokens of ${location} are ${all} blocks of ${length}`;
  let parts: Record<'train' | 'test', { tokens: Uint32Array; starts: Float64Array }>;
  if (documents.test) {
    const test = tokensOf(tokenizer, documents.test);
    parts = {
      train: { tokens: train, starts: starts(0, all) },
      test: { tokens: test, starts: starts(0, blocks(test.length)) },
    };
    notes.push(`${told}.`);
  } else {
    // The end of a text, since neighbouring blocks are alike.
    const tested = Math.round(split * all);
    parts = {
      train: { tokens: train, starts: starts(0, all - tested) },
      test: { tokens: train, starts: starts(all - tested, all) },
    };
    notes.push(`${told}; the last ${tested} are tested on (split ${split}).`);
  }
  if (parts.train.starts.length === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${location} holds ${train.length} tokens, too few for blocks of ${length}: give more text, or a smaller --length.`,
    );
  const target: Field = {
    name: 'labels',
    type: 'int64',
    dims: [length],
    classes: { count: tokenizer.size, names: [], isPartial: true },
  };
  const source = (of: typeof parts): Source => {
    const made = ({ tokens, starts: at }: (typeof parts)['train']) => {
      const recipe: TokenBlocksRecipe = { maker: 'token-blocks', tokens, starts: at, shape };
      return { size: at.length, recipe: () => recipe };
    };
    const pick = ({ tokens, starts: at }: (typeof parts)['train'], some: Int32Array | undefined) => {
      if (!some) return { tokens, starts: at };
      const list = new Float64Array(new SharedArrayBuffer(8 * some.length));
      for (const [to, from] of some.entries()) list[to] = at[from]!;
      return { tokens, starts: list };
    };
    return {
      name: location,
      inputs: tokenFields(shape, tokenizer.size),
      targets: [target],
      train: made(of.train),
      test: made(of.test),
      notes,
      take: ({ train: some, test: others }) =>
        source({ train: pick(of.train, some), test: pick(of.test, others) }),
    };
  };
  return source(parts);
}

/** Characters that are made tokens at a time: pieces of documents, cut behind line ends. */
const PIECE = 1 << 16;

/** The tokens of documents, with the token that ends one behind each. On shared memory. */
function tokensOf(tokenizer: TextTokenizer, documents: readonly string[]): Uint32Array {
  const pieces: Uint32Array[] = [];
  for (const document of documents) {
    for (let from = 0; from < document.length; ) {
      const end =
        from + PIECE >= document.length ? document.length : document.indexOf('\n', from + PIECE) + 1;
      const to = end <= 0 ? document.length : end;
      pieces.push(Uint32Array.from(tokenizer.encode(document.slice(from, to), false).ids));
      from = to;
    }
    if (tokenizer.endId !== undefined && documents.length > 1) pieces.push(Uint32Array.of(tokenizer.endId));
  }
  const tokens = new Uint32Array(
    new SharedArrayBuffer(4 * pieces.reduce((sum, { length }) => sum + length, 0)),
  );
  let at = 0;
  for (const piece of pieces) {
    tokens.set(piece, at);
    at += piece.length;
  }
  return tokens;
}
