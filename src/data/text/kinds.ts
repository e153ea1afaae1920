import { dataKind, type OpenContext, type PartPaths } from '../kind.js';
import type { Source } from '../source.js';
import { tokenizerOf } from './given.js';
import { nextTokens } from './next-tokens.js';
import { openJsonLines, openJsonLinesFiles } from './open-json-lines.js';
import { partFiles } from './parts.js';
import { piecesOfFile } from './pieces.js';
import { tokenShape } from './token-inputs.js';

/** As `DataKind.openFiles`. */
async function openTextFiles(location: string, files: PartPaths, context: OpenContext): Promise<Source> {
  const shape = tokenShape(context.inputs, context.settings);
  const given = await tokenizerOf(context);
  return nextTokens(location, context, { shape, ...given }, files, { kind: 'text', read: piecesOfFile });
}

const kind = { location: 'FILE|DIR', augment: 'none' } as const;

/** Texts whose next tokens are predicted. */
export const text = dataKind({
  ...kind,
  name: 'text',
  settings: ['split', 'tokenizer', 'length'],
  open: async (location, context) => openTextFiles(location, await partFiles(location, 'txt'), context),
  openFiles: openTextFiles,
});

/** JSON objects, one a line: texts with classes, or texts alone whose next tokens are predicted. */
export const jsonl = dataKind({
  ...kind,
  name: 'jsonl',
  settings: ['split', 'map', 'tokenizer', 'length'],
  open: openJsonLines,
  openFiles: openJsonLinesFiles,
});
