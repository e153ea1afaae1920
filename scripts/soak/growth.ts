import { median } from '../../src/bench/statistics.js';
import type { Held } from './measure.js';

/** Parts of a soak: the first is warming up, in which V8 compiles and allocators find their size. */
const PARTS = 5;

/** From the second part of a soak to its last, by their medians: what is free for a moment comes and goes. */
export function growthOf(found: readonly Held[]): { readonly begin: Held; readonly end: Held } {
  const length = Math.floor(found.length / PARTS);
  return { begin: middle(found.slice(length, 2 * length)), end: middle(found.slice(-length)) };
}

function middle(all: readonly Held[]): Held {
  const of = (key: keyof Held) => median(all.map((each) => each[key]));
  return {
    resident: of('resident'),
    heap: of('heap'),
    external: of('external'),
    buffers: of('buffers'),
    files: of('files'),
    threads: of('threads'),
  };
}

/** Resident memory may grow by less than this share; what is of the addon, files and threads may not pile up at all. */
export const LIMIT = 0.05;

/** Bytes outside of the heap that are of no subject, such as messages on their way. */
const SLACK = 1 << 16;

/** What grew that should not have, in words. */
export function faultsOf({ begin, end }: ReturnType<typeof growthOf>): string[] {
  const residents = end.resident >= (1 + LIMIT) * begin.resident;
  return [
    ...(residents
      ? [`resident memory grew by ${(100 * (end.resident / begin.resident - 1)).toFixed(1)} %`]
      : []),
    ...pilesUp({ begin, end }),
  ];
}

/** The part of it that does not depend on what the system's allocator keeps. */
export function pilesUp({ begin, end }: ReturnType<typeof growthOf>): string[] {
  return [
    ...(end.external > begin.external + SLACK
      ? [`${end.external - begin.external} bytes outside of the heap`]
      : []),
    ...(end.buffers > begin.buffers ? [`${end.buffers - begin.buffers} bytes of buffers`] : []),
    ...(end.files > begin.files ? [`${end.files - begin.files} open files`] : []),
    ...(end.threads > begin.threads ? [`${end.threads - begin.threads} threads`] : []),
  ];
}
