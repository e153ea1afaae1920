import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mutateBytes } from '../bytes.js';
import type { Draw } from '../draw.js';
import { type Kind, value } from '../kind.js';
import { writeFiles } from './folder.js';
import { mutateText } from './json.js';
import { samples } from './samples.js';

/** One line of several. */
function mutateLine(draw: Draw, text: string): string {
  const lines = text.split('\n');
  const at = draw.integer(0, Math.max(0, lines.length - 2));
  lines[at] = mutateText(draw, lines[at]!, false);
  return lines.join('\n');
}

async function mutateFile(draw: Draw, path: string): Promise<void> {
  const bytes = await readFile(path);
  const isStructured = draw.chance(0.8);
  const mutated =
    isStructured && path.endsWith('.json')
      ? mutateText(draw, bytes.toString(), bytes.includes('"digest"'))
      : isStructured && path.endsWith('.jsonl')
        ? mutateLine(draw, bytes.toString())
        : mutateBytes(draw, bytes);
  await writeFile(path, mutated);
}

export const readers: Kind = {
  name: 'readers',
  about: 'mutated files of every other format, read',
  count: 400,
  async run({ draw, folder }) {
    const sample = samples[draw.pick(Object.keys(samples))]!;
    const dir = join(folder, 'mutated');
    const files = await sample.files(folder);
    await writeFiles(dir, files);
    await mutateFile(draw, join(dir, draw.pick(Object.keys(files))));
    await sample.read(dir);
    return value;
  },
};
