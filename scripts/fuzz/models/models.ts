import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel } from '../../../src/onnx/proto.js';
import { mutateBytes } from '../bytes.js';
import type { Draw } from '../draw.js';
import type { Kind } from '../kind.js';
import { corpusOf } from './corpus.js';
import { deepen, mutateModel } from './messages.js';
import { tryModel } from './try-model.js';

function mutated(draw: Draw, bytes: Buffer, path: string): Uint8Array {
  const how = draw.uniform(0, 1);
  if (how < 0.25) return mutateBytes(draw, bytes);
  const model = decodeModel(bytes, path);
  if (how < 0.9) mutateModel(draw, model);
  else deepen(draw, model);
  return encodeModel(model);
}

export const models: Kind = {
  name: 'models',
  about: 'mutated models, read, inspected and trained by a step',
  count: 200,
  async run({ draw, folder, corpus }) {
    const path = draw.pick(corpusOf(corpus));
    const file = join(folder, 'model.onnx');
    await writeFile(file, mutated(draw, await readFile(path), path));
    await writeFile(join(folder, 'from.txt'), `${path}\n`);
    return tryModel(draw, file);
  },
};
