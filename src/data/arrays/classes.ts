import { FlatminError } from '../../errors.js';
import type { Classes } from '../source.js';
import { readRows } from './row-reader.js';
import { type Numbers, rowBytes, rowElements, rowsOf, type StoredArray } from './stored-array.js';

/** More classes than this are no classes. */
const MOST_CLASSES = 2 ** 20;
const CHUNK_BYTES = 2 ** 22;

/** Elements of whole rows, some of which are read at a time. */
function* chunksOf(array: StoredArray): Generator<{ first: number; labels: Numbers }, void, undefined> {
  const chunk = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, rowBytes(array))));
  for (let first = 0; first < rowsOf(array); first += chunk) {
    const rows = Int32Array.from({ length: Math.min(chunk, rowsOf(array) - first) }, (_, at) => first + at);
    yield { first, labels: readRows(array, rows) };
  }
}

/** The labels of all samples, of an array of one each. */
export function labelsIn(array: StoredArray): Int32Array {
  const all = new Int32Array(rowsOf(array));
  for (const { first, labels } of chunksOf(array))
    for (let at = 0; at < labels.length; at++) all[first + at] = Number(labels[at]);
  return all;
}

/**
 * The classes that integer labels are of: 0 to the largest of all arrays, named by their numbers.
 * @param arrays of the training part, and of the test part where it has one of its own
 * @returns also, of labels of whole samples, the place of the first of each, by arrays
 * @throws FlatminError INVALID_DATA that names the file and the row of a label that is none
 */
export function classesOf(
  arrays: readonly StoredArray[],
  ignoreIndex: number | undefined,
): { classes: Classes; places: readonly ReadonlyMap<number, string>[] | undefined } {
  let count = 0;
  let largestAt: string | undefined;
  const places = arrays.map(() => new Map<number, string>());
  for (const [part, array] of arrays.entries()) {
    const found = places[part]!;
    const elements = rowElements(array);
    for (const { first, labels } of chunksOf(array)) {
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
  // Those of tokens and pixels are a vocabulary, which no text has the whole of.
  const isOneEach = arrays.every((array) => rowElements(array) === 1);
  return {
    classes: {
      ...{ count, names },
      ...(largestAt !== undefined && { largestAt }),
      ...(ignoreIndex !== undefined && { ignoreIndex }),
    },
    places: isOneEach ? places : undefined,
  };
}
