import { type FileHandle, open } from 'node:fs/promises';
import { allocating, FlatminError, invalid } from '../errors.js';
import { replaceFile, writeAll } from './atomic.js';
import type { Digest } from './digest.js';
import { type NamedTensor, type StoredTensor, writeData } from './safetensors-data.js';
import { checkTensorDigest, sealHeader, tensorDigests } from './safetensors-digests.js';
import {
  isCounts,
  isSafetensorsDtype,
  SAFETENSORS_DTYPES,
  type SafetensorsDtype,
  tensorBytes,
} from './safetensors-dtypes.js';
import { formatHeader, type HeaderEntry, malformed, parseHeader } from './safetensors-header.js';

// Layout (huggingface/safetensors, README, "Format"): uint64 header length N, N bytes of JSON that may end in spaces,
// then the tensors' bytes, little-endian, row-major, without gaps.
const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
// The reference implementation's limit.
const MAX_HEADER_BYTES = 100_000_000;
// A single read() of more than 2^31 - 1 bytes is refused.
const MAX_CHUNK_BYTES = 1 << 26;

export type { NamedTensor, SafetensorsDtype, StoredTensor };

export interface SafetensorsFile {
  /** In the order of the file. */
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
}

export interface SafetensorsOptions {
  /** Whether the metadata hold a digest of each tensor and of the header, which readSafetensors checks. Default false. */
  digests?: boolean;
  /** Called when the new file is whole and on the disk, before it takes its place. */
  beforeReplace?: () => Promise<void>;
}

/**
 * Writes tensors to a safetensors file, in the given order, piece by piece (nothing is concatenated). The file
 * at `path` is replaced in one step: a kill leaves the old one or the new one. The data must not change meanwhile.
 * @throws FlatminError INVALID_ARGUMENT for a name used twice or a byte count other than dtype × shape.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly (NamedTensor | StoredTensor)[],
  metadata: Record<string, string> = {},
  { digests = false, beforeReplace }: SafetensorsOptions = {},
): Promise<void> {
  const entries = layOut(tensors);
  const header = (found?: readonly Digest[]) =>
    encodeHeader(
      digests
        ? sealHeader(
            (own) => formatHeader({ entries, metadata: { ...metadata, ...own } }),
            found ?? tensors.length,
          )
        : formatHeader({ entries, metadata }),
    );
  await replaceFile(
    path,
    async (handle) => {
      await writeAll(handle, header());
      const found = await writeData(handle, tensors, digests);
      // Of the same length as the one before.
      if (digests) await writeAll(handle, header(found), 0);
    },
    beforeReplace,
  );
}

/** Length and text, which ends in spaces so that the tensors are aligned. */
function encodeHeader(text: string): Uint8Array {
  const json = new TextEncoder().encode(text);
  const padded = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const head = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, LENGTH_BYTES);
  return head;
}

function layOut(tensors: readonly (NamedTensor | StoredTensor)[]): HeaderEntry[] {
  const names = new Set(['__metadata__']);
  let begin = 0;
  return tensors.map(({ name, dtype, shape }) => {
    if (names.has(name)) throw invalid('tensor names', 'unique, and none "__metadata__"', name);
    names.add(name);
    if (!isSafetensorsDtype(dtype)) throw invalid(`dtype of tensor "${name}"`, 'a safetensors dtype', dtype);
    if (!isCounts(shape)) throw invalid(`shape of tensor "${name}"`, 'non-negative integers', shape);
    const entry = { name, dtype, shape: [...shape], begin, end: begin + tensorBytes(dtype, shape) };
    begin = entry.end;
    return entry;
  });
}

/**
 * Reads a whole safetensors file. Each tensor gets its own buffer and the typed array of its dtype
 * (Float32Array for F32, BigInt64Array for I64, Uint16Array for F16 and BF16, …).
 * @throws FlatminError NOT_FOUND where there is no file, INVALID_DATA where it is malformed, cut off, or not what its digests say.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await openToRead(path);
  try {
    const { text, dataStart, entries, metadata } = await readHeader(handle, path);
    const digests = tensorDigests(path, text, metadata);

    const tensors = new Map<string, NamedTensor>();
    for (const [index, { name, dtype, shape, begin, end }] of entries.entries()) {
      const bytes = await readExactly(handle, path, dataStart + begin, end - begin);
      if (digests) checkTensorDigest(path, name, digests[index]!, bytes);
      tensors.set(name, { name, dtype, shape, data: new SAFETENSORS_DTYPES[dtype].array(bytes.buffer) });
    }
    return { tensors, metadata };
  } finally {
    await handle.close();
  }
}

/** Where a tensor lies in a file. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Byte of the file. */
  readonly start: number;
}

/**
 * Where a safetensors file has its tensors, in the order of the file; their bytes are not read.
 * @throws FlatminError NOT_FOUND where there is no file, INVALID_DATA where its header is malformed or it is cut off
 */
export async function readTensorPlaces(path: string): Promise<TensorPlace[]> {
  const handle = await openToRead(path);
  try {
    const { dataStart, entries } = await readHeader(handle, path);
    return entries.map(({ name, dtype, shape, begin }) => ({ name, dtype, shape, start: dataStart + begin }));
  } finally {
    await handle.close();
  }
}

async function readHeader(handle: FileHandle, path: string) {
  const fileBytes = (await handle.stat()).size;
  const headerBytes = await readHeaderLength(handle, path, fileBytes);
  const text = decodeUtf8(path, await readExactly(handle, path, LENGTH_BYTES, headerBytes));
  const dataStart = LENGTH_BYTES + headerBytes;
  return { text, dataStart, ...parseHeader(path, text, fileBytes - dataStart) };
}

async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new FlatminError('NOT_FOUND', `${path}: no such file.`, { cause });
  }
}

async function readHeaderLength(handle: FileHandle, path: string, fileBytes: number): Promise<number> {
  if (fileBytes < LENGTH_BYTES) throw malformed(path, `at least ${LENGTH_BYTES} bytes`, fileBytes);
  const { buffer } = await readExactly(handle, path, 0, LENGTH_BYTES);
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const limit = Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES);
  if (length > limit)
    throw malformed(path, `a header of at most ${limit} bytes`, `${length} (is it a safetensors file?)`);
  return length;
}

async function readExactly(
  handle: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = allocating(path, length, () => new Uint8Array(length));
  for (let offset = 0; offset < length; ) {
    const chunk = Math.min(MAX_CHUNK_BYTES, length - offset);
    const { bytesRead } = await handle.read(bytes, offset, chunk, position + offset);
    if (bytesRead === 0) throw malformed(path, `${length} bytes at ${position}`, offset);
    offset += bytesRead;
  }
  return bytes;
}

function decodeUtf8(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed(path, 'a header in UTF-8', 'other bytes', { cause });
  }
}
