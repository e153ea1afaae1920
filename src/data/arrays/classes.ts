import { FlatminError } from '../../errors.js';
import type { Classes } from '../source.js';
import { readRows } from './row-reader.js';
import { rowBytes, rowElements, rowsOf, type StoredArray } from './stored-array.js';

/** More classes than this are no classes. */
const MOST_CLASSES = 2 ** 20;
const CHUNK_BYTES = 2 ** 22;

/**
 * The classes that integer labels are of: 0 to the largest of all arrays, named by their numbers.
 * @throws FlatminError INVALID_DATA that names the file and the row of a label that is none
 */
export function classesOf(arrays: readonly StoredArray[], ignoreIndex: number | undefined): Classes {
  let count = 0;
  for (const array of arrays) {
    const elements = rowElements(array);
    const chunk = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, rowBytes(array))));
    for (let first = 0; first < rowsOf(array); first += chunk) {
      const rows = Int32Array.from({ length: Math.min(chunk, rowsOf(array) - first) }, (_, at) => first + at);
      const labels = readRows(array, rows);
      for (let at = 0; at < labels.length; at++) {
        const label = Number(labels[at]);
        if (label === ignoreIndex) continue;
        if (label < 0 || label >= MOST_CLASSES)
          throw new FlatminError(
            'INVALID_DATA',
            `${array.file}, "${array.name}", row ${first + Math.floor(at / elements)}: ${label} is no class label, which are numbered from 0. Give a loss of values, as --loss mse, or the label that stands for none, as --ignore-index ${label}.`,
          );
        if (label >= count) count = label + 1;
      }
    }
  }
  const names = Array.from({ length: count }, (_, label) => String(label));
  return { count, names, ...(ignoreIndex !== undefined && { ignoreIndex }) };
}
