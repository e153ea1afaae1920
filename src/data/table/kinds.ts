import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathsByPart } from '../arrays/parts.js';
import { filesAt } from '../arrays/read-files.js';
import { dataKind, type OpenContext, type PartPaths } from '../kind.js';
import type { DataSettings } from '../options.js';
import type { Source } from '../source.js';
import { openCsv } from './csv-file.js';
import { openTable } from './open-table.js';
import { openParquet } from './parquet-file.js';
import type { TableFile } from './table-file.js';

/**
 * The files of a location by their parts: a file; a folder of train… and test… files, or a `data` folder in it, as Hugging Face's hub has
 * them; files without such names are one part together.
 */
async function tablePaths(location: string, ending: string): Promise<PartPaths> {
  const folder = await dataFolder(location, ending);
  const { files } = await filesAt(folder, ending);
  return pathsByPart(files, folder);
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
) => {
  const openFiles = async (
    location: string,
    { train, test, notes }: PartPaths,
    context: OpenContext,
  ): Promise<Source> => {
    const all = (files: readonly string[]) => Promise.all(files.map(open));
    return openTable(location, { train: await all(train), test: test && (await all(test)), notes }, context);
  };
  return dataKind({
    ...{ name, location: 'FILE|DIR', augment: 'none', openFiles },
    settings: ['augment', 'split', 'normalization', 'mean', 'std', 'map', 'tokenizer', 'length', ...more],
    open: async (location, context) => openFiles(location, await tablePaths(location, ending), context),
  });
};

export const csv = tableKind('csv', '.csv', openCsv);
export const parquet = tableKind('parquet', '.parquet', (file) => openParquet(file), ['imageSize']);
