import { FlatminError } from '../../errors.js';
import type { Classes } from '../source.js';
import { labelsNote } from './labels-note.js';
import { readRows } from './row-reader.js';
import { rowBytes, rowElements, rowsOf, type StoredArray } from './stored-array.js';

/** More classes than this are no classes. */
const MOST_CLASSES = 2 ** 20;
const CHUNK_BYTES = 2 ** 22;

/**
 * The classes that integer labels are of: 0 to the largest of all arrays, named by their numbers.
 * @param arrays of the training part, and of the test part where it has one of its own
 * @returns a note, too, where classes have no training sample
 * @throws FlatminError INVALID_DATA that names the file and the row of a label that is none
 */
export function classesOf(
  arrays: readonly StoredArray[],
  ignoreIndex: number | undefined,
): { classes: Classes; note: string | undefined } {
  let count = 0;
  let largestAt: string | undefined;
  const places = arrays.map(() => new Map<number, string>());
  for (const [part, array] of arrays.entries()) {
    const found = places[part]!;
    const elements = rowElements(array);
    const chunk = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, rowBytes(array))));
    for (let first = 0; first < rowsOf(array); first += chunk) {
      const rows = Int32Array.from({ length: Math.min(chunk, rowsOf(array) - first) }, (_, at) => first + at);
      const labels = readRows(array, rows);
      for (let at = 0; at < labels.length; at++) {
        const label = Number(labels[at]);
        if (label === ignoreIndex || found.has(label)) continue;
        const place = `${array.file}, "${array.name}", row ${first + Math.floor(at / elements)}`;
        if (label < 0 || label >= MOST_CLASSES)
          throw new FlatminError(
            'INVALID_DATA',
            `${place}: ${label} is no class label, which are numbered from 0. Give a loss of values, as --loss mse, or the label that stands for none, as --ignore-index ${label}.`,
          );
        found.set(label, place);
        if (label < count) continue;
        count = label + 1;
        largestAt = place;
      }
    }
  }
  const names = Array.from({ length: count }, (_, label) => String(label));
  const [train, test] = places as [Map<number, string>, Map<number, string>?];
  // Those of tokens and pixels are a vocabulary, which no text has the whole of.
  const isOneEach = arrays.every((array) => rowElements(array) === 1);
  return {
    classes: {
      ...{ count, names },
      ...(largestAt !== undefined && { largestAt }),
      ...(ignoreIndex !== undefined && { ignoreIndex }),
    },
    note: isOneEach ? labelsNote(count, train, test) : undefined,
  };
}
