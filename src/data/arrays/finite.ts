import { FlatminError } from '../../errors.js';
import type { FieldType } from '../source.js';
import { readNeighbours } from './row-reader.js';
import { isFloatType, rowBytes, rowElements, rowsOf, type StoredArray } from './stored-array.js';

/** Bytes of files that are looked through before training; what is in memory is looked through whatever its size. */
const MOST_BYTES = 2 ** 28;
const CHUNK_BYTES = 2 ** 22;

/** What is wrong with an element of a row that a type does not hold. */
export function misfitElement(
  array: StoredArray,
  row: number,
  element: number,
  value: number | bigint,
  type: FieldType,
): FlatminError {
  const place = rowElements(array) > 1 ? `, element ${element}` : '';
  const what = Number.isFinite(Number(value))
    ? `more than ${type} holds`
    : 'no finite number: remove the sample, or give it a value';
  return new FlatminError(
    'INVALID_DATA',
    `${array.file}, "${array.name}", row ${row}${place}: ${value} is ${what}.`,
  );
}

/**
 * Looks for what is no finite number before the first step, where that takes no time to speak of; of larger files each batch is checked.
 * @throws FlatminError INVALID_DATA
 */
export function requireFinite(arrays: Iterable<StoredArray>): void {
  for (const array of arrays) {
    const [rows, bytes, elements] = [rowsOf(array), rowBytes(array), rowElements(array)];
    if (!isFloatType(array.type) || (!array.memory && rows * bytes > MOST_BYTES)) continue;
    const chunk = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, bytes)));
    for (let first = 0; first < rows; first += chunk) {
      const numbers = readNeighbours(array, first, Math.min(chunk, rows - first)) as Float32Array;
      for (let at = 0; at < numbers.length; at++)
        if (!Number.isFinite(Math.fround(numbers[at]!)))
          throw misfitElement(array, first + Math.floor(at / elements), at % elements, numbers[at]!, 'float');
    }
  }
}
