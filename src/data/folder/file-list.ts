import { join } from 'node:path';

/** Paths below a folder, on shared memory: a million of them are no million objects, in any thread. */
export interface FileList {
  readonly root: string;
  /** The relative paths in UTF-8, one behind the other. */
  readonly bytes: Uint8Array;
  /** Where each ends. */
  readonly ends: Float64Array;
}

export function packFiles(root: string, paths: readonly string[]): FileList {
  const size = paths.reduce((sum, path) => sum + Buffer.byteLength(path), 0);
  const bytes = new Uint8Array(new SharedArrayBuffer(size));
  const ends = new Float64Array(new SharedArrayBuffer(8 * paths.length));
  const text = Buffer.from(bytes.buffer);
  let end = 0;
  for (const [i, path] of paths.entries()) {
    end += text.write(path, end);
    ends[i] = end;
  }
  return { root, bytes, ends };
}

/** The path of a file below the folder. */
export function relativeAt({ bytes, ends }: FileList, index: number): string {
  const start = index === 0 ? 0 : ends[index - 1]!;
  return Buffer.from(bytes.buffer).toString('utf8', start, ends[index]!);
}

/** The whole path of a file. */
export const fileAt = (files: FileList, index: number): string => join(files.root, relativeAt(files, index));
