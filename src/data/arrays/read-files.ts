import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FlatminError } from '../../errors.js';
import { NPY_HEAD_BYTES, type NpyArray, type NpyLayout, npyLayout, parseNpy } from '../../formats/npy.js';
import { readTensorPlaces } from '../../formats/safetensors.js';
import type { SafetensorsDtype } from '../../formats/safetensors-dtypes.js';
import { type ZipEntry, ZipFile } from '../../formats/zip.js';
import type { ElementType, StoredArray } from './stored-array.js';

/** An array of a file, or why it cannot be read: that is told where it is asked for. */
export type FoundArray = StoredArray | { readonly name: string; readonly problem: FlatminError };

/** What is compressed, or column by column, has to be unpacked into memory: no more than this. */
const MOST_UNPACKED_BYTES = 2 ** 32;

/** The files of a folder with an ending, or the file itself. @throws FlatminError NOT_FOUND, INVALID_DATA for an empty folder */
export async function filesAt(
  location: string,
  ending: string,
): Promise<{ files: string[]; isDir: boolean }> {
  const found = await stat(location).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${location}: no such file or folder.`, { cause });
  });
  if (!found.isDirectory()) return { files: [location], isDir: false };
  const names = (await readdir(location)).filter((name) => name.endsWith(ending) && !name.startsWith('.'));
  if (names.length === 0)
    throw new FlatminError('INVALID_DATA', `${location} has no file that ends in ${ending}.`);
  return { files: names.sort().map((name) => join(location, name)), isDir: true };
}

/** The arrays of `FILE.npy,OTHER.npy` or of a folder, named as their files. Files after the first are looked for beside it. */
export async function readNpyArrays(location: string): Promise<FoundArray[]> {
  const [first = '', ...others] = location.split(',');
  const { files } = await filesAt(first, '.npy');
  const all = [...files, ...others.map((name) => resolve(dirname(first), name))];
  return Promise.all(all.map((file) => inPlace(basename(file, '.npy'), file, () => readNpy(file))));
}

/** The arrays of a .npz file. */
export async function readNpzArrays(file: string): Promise<FoundArray[]> {
  const zip = await ZipFile.open(file).catch((cause) => {
    if (!(cause instanceof FlatminError && cause.code === 'INVALID_DATA')) throw cause;
    throw new FlatminError('INVALID_DATA', `${file} is not an .npz file: ${cause.message}`, { cause });
  });
  try {
    const found: FoundArray[] = [];
    for (const entry of zip.entries) {
      const name = entry.name.replace(/\.npy$/, '');
      found.push(await inPlace(name, file, () => readEntry(zip, entry, name, file)));
    }
    return found;
  } finally {
    await zip.close();
  }
}

const ELEMENT_TYPES: Partial<Record<SafetensorsDtype, ElementType>> = {
  ...{ BOOL: 'bool', U8: 'uint8', I8: 'int8', U16: 'uint16', I16: 'int16', U32: 'uint32', I32: 'int32' },
  ...{ U64: 'uint64', I64: 'int64', F16: 'float16', BF16: 'bfloat16', F32: 'float', F64: 'double' },
};

/** The arrays of a safetensors file. */
export async function readSafetensorsArrays(file: string): Promise<FoundArray[]> {
  return (await readTensorPlaces(file)).map(({ name, dtype, shape, start }): FoundArray => {
    const type = ELEMENT_TYPES[dtype];
    if (type) return { name, type, dims: shape, file, offset: start };
    const problem = `Array "${name}" of ${file} is of type ${dtype}, which data cannot be: convert it to F32.`;
    return { name, problem: new FlatminError('INVALID_DATA', problem) };
  });
}

type Place = Pick<StoredArray, 'type' | 'dims' | 'offset' | 'memory'>;

async function inPlace(name: string, file: string, read: () => Promise<Place>): Promise<FoundArray> {
  try {
    return { name, file, ...(await read()) };
  } catch (problem) {
    if (problem instanceof FlatminError && problem.code !== 'NOT_FOUND') return { name, problem };
    throw problem;
  }
}

async function readNpy(file: string): Promise<Place> {
  const handle = await open(file).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${file}: no such file.`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const head = new Uint8Array(Math.min(size, NPY_HEAD_BYTES));
    await handle.read(head, 0, head.length, 0);
    const layout = layoutOf(head, file);
    if (size < layout.start + layout.byteLength)
      throw new FlatminError(
        'INVALID_DATA',
        `${file} is cut off: its shape (${layout.dims.join(', ')}) needs ${layout.byteLength} bytes, but it has ${size - layout.start}.`,
      );
    if (!isByColumn(layout)) return { type: layout.dtype, dims: layout.dims, offset: layout.start };
    requireRoom(layout.byteLength, file, 'is in Fortran order', 'numpy.ascontiguousarray');
    return inMemory(parseNpy(await handle.readFile(), file));
  } finally {
    await handle.close();
  }
}

async function readEntry(zip: ZipFile, entry: ZipEntry, name: string, file: string): Promise<Place> {
  const what = `Array "${name}" of ${file}`;
  const storedAt = await zip.storedAt(entry);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of zip.content(entry)) {
    pieces.push(piece);
    length += piece.length;
    if (length >= Math.min(NPY_HEAD_BYTES, entry.bytes)) break;
  }
  const layout = layoutOf(Buffer.concat(pieces), what);
  if (layout.start + layout.byteLength !== entry.bytes)
    throw new FlatminError(
      'INVALID_DATA',
      `${what} needs ${layout.start + layout.byteLength} bytes by its header, but is of ${entry.bytes} in the archive.`,
    );
  const { dtype: type, dims, start: offset } = layout;
  if (storedAt !== undefined && !isByColumn(layout)) return { type, dims, offset: storedAt + offset };
  if (isByColumn(layout)) requireRoom(entry.bytes, what, 'is in Fortran order', 'numpy.ascontiguousarray');
  else requireRoom(entry.bytes, what, 'is compressed', 'numpy.savez, or as .npy');
  const memory = new SharedArrayBuffer(entry.bytes);
  const bytes = new Uint8Array(memory);
  let filled = 0;
  for await (const piece of zip.content(entry)) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return isByColumn(layout) ? inMemory(parseNpy(bytes, what)) : { type, dims, offset, memory };
}

function layoutOf(head: Uint8Array, what: string): NpyLayout {
  const layout = npyLayout(head, what);
  if (layout) return layout;
  throw new FlatminError('INVALID_DATA', `${what} is cut off in its header.`);
}

/** Whether a sample's elements do not lie together. */
const isByColumn = ({ isFortran, dims }: NpyLayout): boolean =>
  isFortran && dims.filter((dim) => dim !== 1).length > 1;

function requireRoom(bytes: number, what: string, why: string, how: string): void {
  if (bytes <= MOST_UNPACKED_BYTES) return;
  throw new FlatminError(
    'INVALID_DATA',
    `${what} ${why} and needs ${(bytes / 2 ** 30).toFixed(1)} GiB, more than the ${MOST_UNPACKED_BYTES / 2 ** 30} GiB that are unpacked into memory: save it with ${how}, which is read row by row.`,
  );
}

function inMemory({ dtype: type, dims, data }: NpyArray): Place {
  const memory = new SharedArrayBuffer(data.byteLength);
  new Uint8Array(memory).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { type, dims, offset: 0, memory };
}
