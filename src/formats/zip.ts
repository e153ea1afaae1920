import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { FlatminError, withPath } from '../errors.js';

// Layout: APPNOTE.TXT of PKWARE, version 6.3, sections 4.3 and 4.5.3. Little-endian.
const LOCAL_ENTRY = { signature: 0x04034b50, bytes: 30 };
const DIRECTORY_ENTRY = { signature: 0x02014b50, bytes: 46 };
const END = { signature: 0x06054b50, bytes: 22, longestComment: 0xffff };
const END64 = { signature: 0x06064b50, bytes: 56 };
const END64_LOCATOR = { signature: 0x07064b50, bytes: 20 };
const SIZES64 = 0x0001;
/** The real value stands in the entry's extra field. */
const ELSEWHERE = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const CHUNK_BYTES = 1 << 20;

/** A file of an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Unpacked, by the archive's directory. */
  readonly bytes: number;
  readonly packedBytes: number;
  readonly method: number;
  /** CRC-32 of what is unpacked. */
  readonly crc: number;
  /** Of its local header in the archive. */
  readonly offset: number;
}

/** A zip archive that is read by its directory, and never unpacks to more than that says. */
export class ZipFile {
  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    readonly entries: readonly ZipEntry[],
  ) {}

  /** @throws FlatminError NOT_FOUND where there is no file, INVALID_DATA where it is no whole archive */
  static async open(path: string): Promise<ZipFile> {
    const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
      throw new FlatminError('NOT_FOUND', `${path}: no such file.`, { cause });
    });
    try {
      return new ZipFile(path, handle, await readDirectory(path, handle));
    } catch (error) {
      await handle.close();
      throw withPath(error, path);
    }
  }

  /**
   * What an entry holds, piece by piece.
   * @throws FlatminError INVALID_DATA where it is damaged, or more or less than the directory says
   */
  async *content(entry: ZipEntry): AsyncGenerator<Uint8Array, void, undefined> {
    const { name, bytes, method, crc } = entry;
    const wrong = (what: string, options?: ErrorOptions) => broken(this.path, `"${name}" ${what}`, options);
    if (method !== STORED && method !== DEFLATED) throw wrong(`is compressed by method ${method}`);
    const packed = this.packed(entry);
    let total = 0;
    let found = 0;
    try {
      for await (const chunk of method === STORED ? packed : inflated(packed)) {
        total += chunk.length;
        if (total > bytes) throw wrong(`unpacks to more than the ${bytes} bytes that the archive says`);
        found = crc32(chunk, found);
        yield chunk;
      }
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code?.startsWith('Z_')) throw wrong(`cannot be unpacked (${message})`, { cause });
      throw cause;
    }
    if (total < bytes) throw wrong(`unpacks to ${total} bytes, but the archive says ${bytes}`);
    if (found !== crc) throw wrong('does not have the checksum that the archive says');
  }

  /**
   * The byte of the archive where an entry's content lies as it is; undefined where it is compressed.
   * @throws FlatminError INVALID_DATA where it is damaged
   */
  async storedAt(entry: ZipEntry): Promise<number | undefined> {
    if (entry.method !== STORED || entry.packedBytes !== entry.bytes) return undefined;
    return this.startOf(entry);
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async startOf({ name, offset }: ZipEntry): Promise<number> {
    const { path, handle } = this;
    const head = await read(path, handle, offset, LOCAL_ENTRY.bytes);
    if (head.getUint32(0, true) !== LOCAL_ENTRY.signature)
      throw broken(path, `"${name}" has no local header`);
    return offset + LOCAL_ENTRY.bytes + head.getUint16(26, true) + head.getUint16(28, true);
  }

  private async *packed(entry: ZipEntry): AsyncGenerator<Uint8Array> {
    const { path, handle } = this;
    const { packedBytes } = entry;
    const start = await this.startOf(entry);
    for (let at = 0; at < packedBytes; at += CHUNK_BYTES) {
      const { buffer } = await read(path, handle, start + at, Math.min(CHUNK_BYTES, packedBytes - at));
      yield new Uint8Array(buffer);
    }
  }
}

const inflated = (packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => {
  const inflate = createInflateRaw({ chunkSize: CHUNK_BYTES });
  const source = Readable.from(packed, { objectMode: false }).on('error', (error) => inflate.destroy(error));
  return source.pipe(inflate);
};

function broken(path: string, what: string, options?: ErrorOptions): FlatminError {
  return new FlatminError('INVALID_DATA', `${path} is no zip archive, or a damaged one: ${what}.`, options);
}

async function read(
  path: string,
  handle: FileHandle,
  position: number,
  length: number,
): Promise<DataView<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw broken(path, 'it ends too early');
    filled += bytesRead;
  }
  return new DataView(bytes.buffer);
}

async function readDirectory(path: string, handle: FileHandle): Promise<ZipEntry[]> {
  const { size } = await handle.stat();
  const { count, offset, bytes } = await readEnd(path, handle, size);
  if (offset + bytes > size || count * DIRECTORY_ENTRY.bytes > bytes)
    throw broken(path, 'its directory does not lie in it');
  const view = await read(path, handle, offset, bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + DIRECTORY_ENTRY.bytes > bytes || view.getUint32(at, true) !== DIRECTORY_ENTRY.signature)
      throw broken(path, 'its directory is cut off');
    const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [number, number, number];
    const next = at + DIRECTORY_ENTRY.bytes + lengths[0] + lengths[1] + lengths[2];
    if (next > bytes) throw broken(path, 'its directory is cut off');
    entries.push(parseEntry(path, view, at, lengths[0], lengths[1]));
    at = next;
  }
  // Entries that share data unpack to any size.
  const packed = entries.reduce((sum, { packedBytes }) => sum + packedBytes, 0);
  if (packed > size) throw broken(path, 'its entries overlap');
  return entries;
}

/** Where the directory is. */
async function readEnd(path: string, handle: FileHandle, size: number) {
  const tailBytes = Math.min(size, END.bytes + END.longestComment);
  const tail = await read(path, handle, size - tailBytes, tailBytes);
  let at = tailBytes - END.bytes;
  while (at >= 0 && tail.getUint32(at, true) !== END.signature) at--;
  if (at < 0) throw broken(path, 'it has no directory');
  const locatorAt = size - tailBytes + at - END64_LOCATOR.bytes;
  if (locatorAt >= 0) {
    const locator = await read(path, handle, locatorAt, END64_LOCATOR.bytes);
    if (locator.getUint32(0, true) === END64_LOCATOR.signature) {
      const end = await read(path, handle, Number(locator.getBigUint64(8, true)), END64.bytes);
      if (end.getUint32(0, true) !== END64.signature) throw broken(path, 'it has no directory');
      const [count, bytes, offset] = [32, 40, 48].map((field) => Number(end.getBigUint64(field, true)));
      return { count: count!, bytes: bytes!, offset: offset! };
    }
  }
  return {
    count: tail.getUint16(at + 10, true),
    bytes: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
}

function parseEntry(
  path: string,
  view: DataView<ArrayBuffer>,
  at: number,
  nameBytes: number,
  extraBytes: number,
): ZipEntry {
  const nameAt = at + DIRECTORY_ENTRY.bytes;
  const name = new TextDecoder().decode(new Uint8Array(view.buffer, nameAt, nameBytes));
  if (view.getUint16(at + 8, true) & 1) throw broken(path, `"${name}" is encrypted`);
  const extra = new DataView(view.buffer, nameAt + nameBytes, extraBytes);
  const large = largeSizes(extra);
  // In the order of the extra field, which holds only those that do not fit.
  const [bytes, packedBytes, offset] = [24, 20, 42].map((field) => {
    const value = view.getUint32(at + field, true);
    return value === ELSEWHERE ? (large.shift() ?? value) : value;
  });
  return {
    name,
    bytes: bytes!,
    packedBytes: packedBytes!,
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    offset: offset!,
  };
}

/** Numbers of 64 bits in an entry's extra field. */
function largeSizes(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    if (extra.getUint16(at, true) !== SIZES64) continue;
    const bytes = Math.min(extra.getUint16(at + 2, true), extra.byteLength - at - 4);
    return Array.from({ length: Math.floor(bytes / 8) }, (_, index) =>
      Number(extra.getBigUint64(at + 4 + 8 * index, true)),
    );
  }
  return [];
}
