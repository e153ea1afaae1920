/** y = intercept + slope · x */
export interface Line {
  readonly intercept: number;
  readonly slope: number;
}

/** The line of least squares through points of two different x or more; undefined where there are not. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line | undefined {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const spread = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  if (!(spread > 0)) return undefined;
  const slope = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0) / spread;
  return { slope, intercept: y - slope * x };
}

/** The largest batch within a limit, by a line of memory over the batch; 0 where not even one image fits, undefined where the line does not rise. */
export function largestBatch({ intercept, slope }: Line, limitBytes: number): number | undefined {
  return slope > 0 ? Math.max(0, Math.floor((limitBytes - intercept) / slope)) : undefined;
}
