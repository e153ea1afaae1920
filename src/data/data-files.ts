import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { asDigest, type Digest } from '../formats/digest.js';
import { byCodePoint } from './folder/listing.js';
import { hf } from './hub/kind.js';
import { parseData } from './open.js';

/** What tells whether files of data are those that they were. */
export interface DataFiles {
  /** How many there are. */
  readonly files: number;
  /** Of all names, and of sizes and times of change of up to MOST_STATS files. */
  readonly state: Digest;
  /** Of sizes and pieces of the content of up to MOST_READ files. */
  readonly content: Digest;
}

/** Of more files some are looked at, evenly spaced. */
const MOST_STATS = 10_000;
const MOST_READ = 64;
/** Bytes at the beginning, in the middle and at the end of a file. */
const PIECE = 1 << 16;

/** The files behind what a command line names; undefined where there are none, or a commit says which they are. */
export async function dataFiles(spec: string, before?: DataFiles): Promise<DataFiles | undefined> {
  const { kind, location = '' } = parseData(spec) ?? {};
  if (location === '' || kind === hf) return undefined;
  const paths = await pathsAt(location);
  const state = await stateOf(paths);
  // What has not been touched is not read.
  const isUntouched = before?.state === state && before.files === paths.length;
  return { files: paths.length, state, content: isUntouched ? before.content : await contentOf(paths) };
}

export const isSameData = (before: DataFiles, now: DataFiles): boolean =>
  before.files === now.files && before.content === now.content;

/** Of `FILE,OTHER`, the others are looked for beside the first. */
async function pathsAt(location: string): Promise<string[]> {
  const [first = '', ...others] = location.split(',');
  const found = await stat(first).catch(() => undefined);
  const whole = found ? undefined : await stat(location).catch(() => undefined);
  if (whole) return [location];
  if (!found?.isDirectory()) return [first, ...others.map((name) => resolve(dirname(first), name))];
  const entries: Dirent[] = await readdir(first, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort(byCodePoint);
}

const some = (paths: readonly string[], most: number): string[] =>
  paths.length <= most
    ? [...paths]
    : Array.from({ length: most }, (_, at) => paths[Math.floor((at * paths.length) / most)]!);

async function stateOf(paths: readonly string[]): Promise<Digest> {
  let crc = crc32(paths.join('\0'));
  for (const path of some(paths, MOST_STATS)) {
    const found = await stat(path).catch(() => undefined);
    crc = crc32(`${found?.size} ${found?.mtimeMs}\0`, crc);
  }
  return asDigest(crc);
}

/** Where files lie does not count. */
async function contentOf(paths: readonly string[]): Promise<Digest> {
  let crc = 0;
  const bytes = Buffer.alloc(PIECE);
  for (const path of some(paths, MOST_READ)) {
    const handle = await open(path).catch(() => undefined);
    if (!handle) continue;
    try {
      const { size } = await handle.stat();
      crc = crc32(`${size}\0`, crc);
      for (const start of new Set([0, Math.floor(size / 2), Math.max(0, size - PIECE)])) {
        const { bytesRead } = await handle.read(bytes, 0, PIECE, start);
        crc = crc32(bytes.subarray(0, bytesRead), crc);
      }
    } finally {
      await handle.close();
    }
  }
  return asDigest(crc);
}
