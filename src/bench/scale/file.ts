import { readFile } from 'node:fs/promises';
import { FlatminError } from '../../errors.js';
import { benchPath, checkBench } from '../../formats/bench/files.js';
import { parseJson } from '../../formats/run/checked.js';
import type { ScaleReport, ScaleResult } from './results.js';

/**
 * The results that a folder has of a sweep with the same settings; none where it has no file.
 * @throws FlatminError INVALID_ARGUMENT where its sweep had other settings, INVALID_DATA where the file is broken
 */
export async function readResults(
  folder: string,
  settings: ScaleReport['settings'],
): Promise<readonly ScaleResult[]> {
  const path = benchPath(folder, 'scale');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const saved = checkBench('scale', parseJson(text, path), path);
  const [was, is] = [saved.settings, JSON.parse(JSON.stringify(settings))].map(withoutOrder);
  if (was !== is)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${path} is of a sweep with other settings (${was}): give the same, or another --out.`,
    );
  return saved.results;
}

const withoutOrder = (value: Record<string, unknown>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
