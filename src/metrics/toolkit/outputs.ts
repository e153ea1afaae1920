import type { ValueBatch } from '../metric.js';

/** Calls with each value, its target and the output that it is of: axis 1, or the only one. */
export function eachValue(
  { scores, dims, targets }: ValueBatch,
  take: (value: number, target: number, output: number) => void,
): void {
  const outputs = outputsOf(dims);
  const inner = dims.slice(2).reduce((all, size) => all * size, 1);
  for (let at = 0; at < scores.length; at++)
    take(scores[at]!, targets[at]!, outputs === 1 ? 0 : Math.floor(at / inner) % outputs);
}

export const outputsOf = (dims: readonly number[]): number => dims[1] ?? 1;
