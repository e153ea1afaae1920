import { readFile } from 'node:fs/promises';
import { FlatminError, withPath } from '../../errors.js';
import { dataKind, type OpenContext } from '../kind.js';
import type { Source } from '../source.js';
import { tokenizerOf } from './given.js';
import { nextTokens } from './next-tokens.js';
import { openJsonLines } from './open-json-lines.js';
import { partFiles } from './parts.js';
import { tokenShape } from './token-inputs.js';

async function openText(location: string, context: OpenContext): Promise<Source> {
  const files = await partFiles(location, 'txt');
  const shape = tokenShape(context.inputs, context.settings);
  const { tokenizer } = await tokenizerOf(context);
  const read = async (path: string) => {
    const text = await readFile(path, 'utf8').catch((error) => {
      throw withPath(error, path);
    });
    if (text.trim() === '') throw new FlatminError('INVALID_DATA', `${path} is empty: a text is expected.`);
    return [text];
  };
  return nextTokens(location, context, shape, tokenizer, {
    train: await read(files.train),
    ...(files.test && { test: await read(files.test) }),
  });
}

const kind = { location: 'FILE|DIR', augment: 'none' } as const;

/** Texts whose next tokens are predicted. */
export const text = dataKind({
  ...kind,
  name: 'text',
  settings: ['split', 'tokenizer', 'length'],
  open: openText,
});

/** JSON objects, one a line: texts with classes, or texts alone whose next tokens are predicted. */
export const jsonl = dataKind({
  ...kind,
  name: 'jsonl',
  settings: ['split', 'map', 'tokenizer', 'length'],
  open: openJsonLines,
});
