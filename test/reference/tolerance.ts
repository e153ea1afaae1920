/**
 * ‖actual − expected‖ / ‖expected‖ in L2. An expected vector shorter than `smallestNorm` is measured against that length,
 * so that exact zeros compare equal and rounding noise around zero stays small. Infinity when a value is not finite.
 * @param smallestNorm 1e-6 by default
 * @throws RangeError when the lengths differ
 */
export function relativeError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  smallestNorm = 1e-6,
): number {
  if (actual.length !== expected.length) {
    throw new RangeError(`${actual.length} values cannot be compared with ${expected.length}.`);
  }
  let difference = 0;
  let norm = 0;
  for (let index = 0; index < expected.length; index++) {
    difference += (actual[index]! - expected[index]!) ** 2;
    norm += expected[index]! ** 2;
  }
  const error = Math.sqrt(difference) / Math.max(Math.sqrt(norm), smallestNorm);
  return Number.isFinite(error) ? error : Infinity;
}
