import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError, withPath } from '../../errors.js';
import type { PartPaths } from '../kind.js';

const TEST_NAMES = ['test', 'validation', 'valid', 'val', 'dev'];

/**
 * The files of the parts at a location: a file, or a folder with train.EXT and a file for tests.
 * @throws FlatminError NOT_FOUND
 */
export async function partFiles(location: string, extension: string): Promise<PartPaths> {
  const found = await stat(location).catch((cause) => {
    if (cause.code !== 'ENOENT') throw withPath(cause, location);
    throw new FlatminError('NOT_FOUND', `${location} does not exist.`, { cause });
  });
  if (!found.isDirectory()) return { train: [location], notes: [] };
  const names = new Set(await readdir(location));
  const train = `train.${extension}`;
  if (!names.has(train))
    throw new FlatminError(
      'NOT_FOUND',
      `The folder ${location} holds no ${train}: expected that, and for tests one of ${TEST_NAMES.map((name) => `${name}.${extension}`).join(', ')}.`,
    );
  const test = TEST_NAMES.map((name) => `${name}.${extension}`).find((name) => names.has(name));
  return { train: [join(location, train)], ...(test && { test: [join(location, test)] }), notes: [] };
}
