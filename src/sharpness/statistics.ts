/** Mean and its standard error, sample standard deviation / √n; the error is 0 for one value. */
export function meanOf(values: readonly number[]): { mean: number; standardError: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: count > 1 ? Math.sqrt(squares / (count - 1) / count) : 0 };
}
