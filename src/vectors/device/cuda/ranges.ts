import type { DeviceBuffer } from '../../../addon/types.js';
import { TILE_ELEMENTS } from './kernel-source.js';

/** 32-bit words of a `Range` of native/cuda/kernels/common.cu, little-endian. */
const RANGE_WORDS = 6;

export interface Tiles {
  /** The kernels' `Range`s. */
  readonly table: Uint32Array;
  readonly ranges: number;
  readonly tiles: number;
}

/**
 * Cuts ranges into tiles, the blocks' units of work.
 * @throws RangeError where a range is not inside a vector
 */
export function cutIntoTiles(
  ranges: readonly { readonly first: number; readonly count: number }[],
  vectors: readonly DeviceBuffer[],
  rowOf: (index: number) => number = () => 0,
): Tiles {
  const elements = Math.min(...vectors.map(({ byteLength }) => byteLength / 4));
  const table = new Uint32Array(RANGE_WORDS * ranges.length);
  let [used, tiles] = [0, 0];
  ranges.forEach(({ first, count }, index) => {
    if (!(Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= 0 && count >= 0))
      throw new RangeError(`${count} elements at ${first} are no range.`);
    if (first + count > elements)
      throw new RangeError(
        `The range of ${count} elements at ${first} does not fit a vector of ${elements} elements.`,
      );
    if (count === 0) return;
    tiles += Math.ceil(count / TILE_ELEMENTS);
    const [high, countHigh] = [Math.floor(first / 2 ** 32), Math.floor(count / 2 ** 32)];
    table.set([first, high, count, countHigh, rowOf(index), tiles], RANGE_WORDS * used++);
  });
  return { table: table.subarray(0, RANGE_WORDS * used), ranges: used, tiles };
}
