import { allocating, FlatminError } from '../errors.js';
import { type NpyArray, npyBytes, parseNpy } from './npy.js';
import { type ZipEntry, ZipFile } from './zip.js';

/**
 * Reads all arrays of an .npz file (numpy.savez, compressed or not), by name.
 * @throws FlatminError NOT_FOUND where there is no file, INVALID_DATA where it or an array in it is broken, or holds more than its
 * header says
 */
export async function readNpz(path: string): Promise<Map<string, NpyArray>> {
  const file = await ZipFile.open(path).catch((cause) => {
    if (!(cause instanceof FlatminError && cause.code === 'INVALID_DATA')) throw cause;
    throw new FlatminError('INVALID_DATA', `${path} is not an .npz file: ${cause.message}`, { cause });
  });
  try {
    const arrays = new Map<string, NpyArray>();
    for (const entry of file.entries) {
      const array = entry.name.replace(/\.npy$/, '');
      const what = `Array "${array}" of ${path}`;
      arrays.set(array, parseNpy(await unpack(file, entry, what), what));
    }
    return arrays;
  } finally {
    await file.close();
  }
}

/** An array's file. No more of it is unpacked than its header before it is known to be as long as that says. */
async function unpack(file: ZipFile, entry: ZipEntry, what: string): Promise<Uint8Array> {
  let head = new Uint8Array();
  let whole: Uint8Array | undefined;
  let filled = 0;
  for await (const piece of file.content(entry)) {
    let chunk = piece;
    if (!whole) {
      head = Buffer.concat([head, piece]);
      const expected = npyBytes(head, what);
      if (expected === undefined) continue;
      if (expected !== entry.bytes)
        throw new FlatminError(
          'INVALID_DATA',
          `${what} needs ${expected} bytes by its header, but is of ${entry.bytes} in the archive.`,
        );
      whole = allocating(what, expected, () => new Uint8Array(expected));
      chunk = head;
    }
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  return whole ?? head;
}
