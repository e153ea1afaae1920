import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import { FlatminError } from '../errors.js';
import { type NpyArray, parseNpy } from './npy.js';

/**
 * Reads all arrays of an .npz file (numpy.savez, compressed or not), by name.
 * @throws FlatminError NOT_FOUND where there is no file, INVALID_DATA where it or an array in it is broken
 */
export async function readNpz(path: string): Promise<Map<string, NpyArray>> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new FlatminError('NOT_FOUND', `${path}: no such file.`, { cause });
    throw cause;
  });
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes);
  } catch (cause) {
    throw new FlatminError('INVALID_DATA', `${path} is not an .npz file: ${(cause as Error).message}.`, {
      cause,
    });
  }
  return new Map(
    Object.entries(files).map(([name, content]) => {
      const array = name.replace(/\.npy$/, '');
      return [array, parseNpy(content, `Array "${array}" of ${path}`)];
    }),
  );
}
