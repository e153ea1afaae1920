import { resolve } from 'node:path';
import { FlatminError } from '../../errors.js';
import type { OpenContext } from '../kind.js';
import { openTokenizer, type TextTokenizer } from './tokenizer.js';

/** Columns of texts that are looked for where `map` names none. */
export const TEXT_COLUMNS = ['text', 'sentence', 'content'];

/** Of the samples, where the data have no part for tests and `split` is not given. */
export const SPLIT = 0.1;

/** @throws FlatminError INVALID_ARGUMENT where there is no tokenizer */
export async function tokenizerOf({
  settings: { tokenizer },
}: OpenContext): Promise<{ path: string; tokenizer: TextTokenizer }> {
  if (tokenizer === undefined)
    throw new FlatminError('INVALID_ARGUMENT', 'Texts need a tokenizer: --tokenizer tokenizer.json.');
  const path = resolve(tokenizer);
  return { path, tokenizer: await openTokenizer(path) };
}

/** @throws FlatminError INVALID_DATA for a tokenizer without a token to fill with */
export function requirePadding({ path, tokenizer }: { path: string; tokenizer: TextTokenizer }): void {
  if (tokenizer.padId === undefined)
    throw new FlatminError(
      'INVALID_DATA',
      `The tokenizer ${path} has no token to fill short texts with: give its tokenizer_config.json a "pad_token".`,
    );
}
