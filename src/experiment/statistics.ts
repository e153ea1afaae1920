import type { Statistics } from '../formats/run/results.js';

/** Mean and sample standard deviation (ddof = 1) of at least one value. */
export function statisticsOf(values: readonly number[]): Statistics {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : null, n };
}
