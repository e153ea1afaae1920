import { openSync, readSync } from 'node:fs';
import { FlatminError } from '../../errors.js';
import { type Numbers, rowBytes, type StoredArray, toNumbers } from './stored-array.js';

/** Files that this thread reads, opened once; the thread's end closes them. */
const opened = new Map<string, number>();

function handleOf(file: string): number {
  let handle = opened.get(file);
  if (handle === undefined) {
    handle = openSync(file, 'r');
    opened.set(file, handle);
  }
  return handle;
}

/** The rows of an array at these indices, in this order. @throws FlatminError INVALID_DATA where the file no longer has them */
export function readRows(array: StoredArray, indices: ArrayLike<number>): Numbers {
  const length = rowBytes(array);
  const bytes = new Uint8Array(length * indices.length);
  for (let at = 0; at < indices.length; ) {
    const first = indices[at]!;
    let count = 1;
    while (at + count < indices.length && indices[at + count] === first + count) count++;
    readAt(array, array.offset + first * length, bytes.subarray(at * length, (at + count) * length), first);
    at += count;
  }
  return toNumbers(array.type, bytes.buffer);
}

/** `count` rows of an array from `first` on. @throws FlatminError INVALID_DATA where the file no longer has them */
export function readNeighbours(array: StoredArray, first: number, count: number): Numbers {
  const length = rowBytes(array);
  const bytes = new Uint8Array(length * count);
  readAt(array, array.offset + first * length, bytes, first);
  return toNumbers(array.type, bytes.buffer);
}

function readAt({ file, name, memory }: StoredArray, start: number, into: Uint8Array, row: number): void {
  if (memory) {
    into.set(new Uint8Array(memory, start, into.length));
    return;
  }
  for (let filled = 0; filled < into.length; ) {
    const read = readSync(handleOf(file), into, filled, into.length - filled, start + filled);
    if (read === 0)
      throw new FlatminError(
        'INVALID_DATA',
        `${file} ends before row ${row} of "${name}": it has been changed since it was opened.`,
      );
    filled += read;
  }
}
