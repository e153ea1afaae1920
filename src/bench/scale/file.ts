import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FlatminError } from '../../errors.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import type { ScaleReport, ScaleResult } from './results.js';

/** Of a sweep, in its folder. */
export const SCALE_FILE = 'bench-scale.json';

const fileSchema = z.object({
  settings: z.record(z.string(), z.unknown()),
  results: z.array(z.looseObject({ model: z.string(), batch: z.number(), optimizer: z.string() })),
});

/**
 * The results that a folder has of a sweep with the same settings; none where it has no file.
 * @throws FlatminError INVALID_ARGUMENT where its sweep had other settings, INVALID_DATA where the file is broken
 */
export async function readResults(
  folder: string,
  settings: ScaleReport['settings'],
): Promise<readonly ScaleResult[]> {
  const path = join(folder, SCALE_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const { success, data, error } = fileSchema.safeParse(parsed(text, path));
  if (!success)
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is not of this version of flatmin: ${z.prettifyError(error)}`,
    );
  const [was, is] = [data.settings, JSON.parse(JSON.stringify(settings))].map(withoutOrder);
  if (was !== is)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${path} is of a sweep with other settings (${was}): give the same, or another --out.`,
    );
  return data.results as unknown as ScaleResult[];
}

export async function writeResults(folder: string, report: ScaleReport): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, SCALE_FILE), `${JSON.stringify(report, null, 2)}\n`);
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FlatminError('INVALID_DATA', `${path} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

const withoutOrder = (value: Record<string, unknown>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
