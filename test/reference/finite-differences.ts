/**
 * The derivative of f at a point along a direction: central differences at steps h and h/2, extrapolated (Richardson),
 * error O(h⁴). f must be smooth within h·direction of the point.
 */
export function directionalDerivative(
  f: (point: Float64Array) => number,
  point: Float64Array,
  direction: Float64Array,
  step = 1e-3,
): number {
  const at = (scale: number) => f(point.map((value, index) => value + scale * direction[index]!));
  const central = (h: number) => (at(h) - at(-h)) / (2 * h);
  return (4 * central(step / 2) - central(step)) / 3;
}
