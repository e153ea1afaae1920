import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../../errors.js';
import { chosenParts, partNotes, partOfFile } from '../arrays/parts.js';
import { filesAt } from '../arrays/read-files.js';
import { type DataKind, dataKind } from '../kind.js';
import type { DataSettings } from '../options.js';
import { openCsv } from './csv-file.js';
import { openTable, type TableParts } from './open-table.js';
import { openParquet } from './parquet-file.js';
import type { TableFile } from './table-file.js';

/**
 * The files of a location by their parts: a file; a folder of train… and test… files, or a `data` folder in it, as Hugging Face's hub has
 * them; files without such names are one part together.
 */
async function tableParts(
  location: string,
  ending: string,
  open: (file: string) => Promise<TableFile>,
): Promise<TableParts> {
  const folder = await dataFolder(location, ending);
  const { files } = await filesAt(folder, ending);
  const parts = new Map<string, string[]>();
  for (const file of files) parts.set(partOfFile(file), [...(parts.get(partOfFile(file)) ?? []), file]);
  const all = (some: readonly string[]) => Promise.all(some.map(open));
  const chosen = files.length > 1 ? chosenParts(parts) : undefined;
  if (chosen)
    return {
      train: await all(chosen.train),
      test: chosen.test && (await all(chosen.test)),
      notes: partNotes(chosen),
    };
  if (parts.size > 1)
    throw new FlatminError(
      'INVALID_DATA',
      `${folder} has files of the parts ${[...parts.keys()].map((part) => `"${part}"`).join(', ')}, and none named train…: name one so, or give a file.`,
    );
  return { train: await all(files), notes: [] };
}

async function dataFolder(location: string, ending: string): Promise<string> {
  const found = await stat(location).catch(() => undefined);
  if (!found?.isDirectory()) return location;
  const has = async (folder: string) => (await readdir(folder)).some((name) => name.endsWith(ending));
  const inner = join(location, 'data');
  const isInner = await stat(inner).catch(() => undefined);
  return !(await has(location)) && isInner?.isDirectory() && (await has(inner)) ? inner : location;
}

const tableKind = <const N extends string>(
  name: N,
  ending: string,
  open: (file: string) => Promise<TableFile>,
  more: readonly (keyof DataSettings)[] = [],
): DataKind<N> =>
  dataKind({
    ...{ name, location: 'FILE|DIR', augment: 'none' },
    settings: ['augment', 'split', 'normalization', 'mean', 'std', 'map', ...more],
    open: async (location, context) => openTable(location, await tableParts(location, ending, open), context),
  });

export const csv = tableKind('csv', '.csv', openCsv);
export const parquet = tableKind('parquet', '.parquet', (file) => openParquet(file), ['imageSize']);
