import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Dataset, fromArrays } from '../../../src/data/index.js';

/** A data set of `size` training images (and 5 test images) in which every pixel tells its sample and its place. */
export function countingSet(
  size: number,
  shape: [number, number, number] = [2, 4, 6],
  floats = false,
): Dataset {
  const pixels = shape[0] * shape[1] * shape[2];
  const split = (count: number) => {
    const values = Array.from(
      { length: count * pixels },
      (_, i) => (i * 7 + Math.floor(i / pixels) * 31) % 251,
    );
    return {
      images: floats ? Float32Array.from(values, (v) => v / 10 - 3) : Uint8Array.from(values),
      labels: Array.from({ length: count }, (_, i) => i % 3),
    };
  };
  return fromArrays({ name: 'counting', shape, classes: 3, train: split(size), test: split(5) });
}

/** A new folder that is removed when the test ends. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-data-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
