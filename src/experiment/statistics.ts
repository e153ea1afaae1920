export interface Statistics {
  readonly mean: number;
  /** Sample standard deviation (n − 1 in the denominator); null for one value. */
  readonly std: number | null;
  readonly n: number;
}

/** Mean and sample standard deviation (ddof = 1) of at least one value. */
export function statisticsOf(values: readonly number[]): Statistics {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : null, n };
}
