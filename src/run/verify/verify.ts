import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../../errors.js';
import { isComparisonConfig, type RunConfigFile } from '../../formats/run/config.js';
import { readRunConfig } from '../folder/run-folder.js';
import { verifyFile } from './files.js';
import type { Finding } from './finding.js';
import { verifyCheckpoints, verifyResults } from './run.js';

/**
 * Checks each file of a run, a comparison or an experiment, finished or not, against the digests that were written with it. Reads alone.
 * @throws FlatminError NOT_FOUND where there is no such folder
 */
export async function* verify(dir: string): AsyncGenerator<Finding> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${dir} is not a folder that can be read.`, { cause });
  });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const special = new Map<string, Finding>();
  const config = await runConfigIn(dir);
  if (config)
    for (const finding of [
      ...(await verifyCheckpoints(dir, names, config)),
      ...(await verifyResults(dir, names)),
    ])
      special.set(finding.path, finding);
  for (const name of names.sort()) {
    const path = join(dir, name);
    const finding = special.get(path) ?? (await verifyFile(path, name));
    special.delete(path);
    yield finding;
  }
  // Of files that are missing.
  yield* special.values();
  for (const entry of entries) if (entry.isDirectory()) yield* verify(join(dir, entry.name));
}

/** The config of the run in a folder; undefined where there is none, or it is damaged. */
async function runConfigIn(dir: string): Promise<RunConfigFile | undefined> {
  try {
    const config = await readRunConfig(dir);
    return config && !isComparisonConfig(config) ? config : undefined;
  } catch (error) {
    if (error instanceof FlatminError) return undefined;
    throw error;
  }
}
