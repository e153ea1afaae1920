import type { Recomputation } from './recompute.js';

/** In words: what is computed again, what that saves, and what it takes. */
export function describeRecomputation({ before, after, nodes, of, time }: Recomputation): string {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 3 : 1)} MiB`;
  if (nodes === 0)
    return `Recomputing saves no memory here: activations take ${mebibytes(before)}, and nothing is computed twice.`;
  return `Activations take ${mebibytes(after)} instead of ${mebibytes(before)} (estimates, by lifetimes): ${nodes} of ${of} forward nodes are computed again, about ${(100 * time).toFixed(0)} % of a forward pass.`;
}
