import { FlatminError } from '../../errors.js';
import type { StoredArray } from '../arrays/stored-array.js';
import type { OpenContext, PartPaths } from '../kind.js';
import type { Field, Source } from '../source.js';
import { unknownNotes } from './fit.js';
import { SPLIT } from './given.js';
import type { TokenBlocksRecipe } from './token-blocks.js';
import { type TokenShape, tokenFields } from './token-inputs.js';
import { type GivenTokenizer, type TextSource, tokenCount, tokensOf } from './token-store.js';

/** Next-token prediction: documents behind each other, cut into blocks. @throws FlatminError what `tokensOf` throws */
export async function nextTokens(
  location: string,
  { settings: { split = SPLIT } }: OpenContext,
  { shape, ...given }: GivenTokenizer & { readonly shape: TokenShape },
  files: PartPaths,
  texts: TextSource,
  inMemory?: number,
): Promise<Source> {
  const { length } = shape;
  const { tokenizer } = given;
  const train = await tokensOf(files.train, texts, given, inMemory);
  const count = tokenCount(train);
  const blocks = (of: number) => Math.max(0, Math.floor((of - 1) / length));
  const notes = [...files.notes, ...unknownNotes(train.unknown, count, location)];
  const starts = (from: number, to: number): Float64Array => {
    const list = new Float64Array(new SharedArrayBuffer(8 * (to - from)));
    for (let at = 0; at < list.length; at++) list[at] = (from + at) * length;
    return list;
  };
  const all = blocks(count);
  const told = `${count} tokens of ${location} are ${all} blocks of ${length}`;
  let parts: Record<'train' | 'test', { tokens: StoredArray; starts: Float64Array }>;
  if (files.test) {
    const test = await tokensOf(files.test, texts, given, inMemory);
    parts = {
      train: { tokens: train.array, starts: starts(0, all) },
      test: { tokens: test.array, starts: starts(0, blocks(tokenCount(test))) },
    };
    notes.push(`${told}.`);
  } else {
    // The end of a text, since neighbouring blocks are alike.
    const tested = Math.round(split * all);
    parts = {
      train: { tokens: train.array, starts: starts(0, all - tested) },
      test: { tokens: train.array, starts: starts(all - tested, all) },
    };
    notes.push(`${told}; the last ${tested} are tested on (split ${split}).`);
  }
  if (parts.train.starts.length === 0)
    throw new FlatminError(
      'INVALID_DATA',
      `${location} holds ${count} tokens, too few for blocks of ${length}: give more text, or a smaller --length.`,
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
