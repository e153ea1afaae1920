/** Numbers of formulas that are no quotient or root of small integers. */
const NAMED = [
  0.044715, // GELU by tanh
  Math.sqrt(2 / Math.PI),
  0.7978845608, // the same, as typed
  1 / Math.sqrt(2 * Math.PI),
  Math.sqrt(Math.PI),
  1 / Math.sqrt(Math.PI),
  2 / Math.sqrt(Math.PI),
  1.6732632423543772, // SELU's α and scale
  1.0507009873554805,
  1.702, // GELU by a sigmoid
  65504, // the largest float16
  2 ** -23, // float32's epsilon
  2 ** -52,
  Math.E,
  Math.LN2,
  Math.LN10,
  Math.LOG2E,
  Math.LOG10E,
  10 / Math.LN10,
  20 / Math.LN10,
];

/** Relative distance that rounding leaves, and the largest n of 1/n, of √n and 1/√n, and of ⁴√n that chance hardly hits within it. */
const PRECISE = { near: 3e-7, largest: { 1: 65_536, 2: 8192, 4: 1024 } };
const HALF = { near: 5e-4, largest: { 1: 512, 2: 256, 4: 64 } };

/** 255 of images, 30 of SELU's kin; small ones and powers of two. */
const DENOMINATORS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 32, 64, 128, 255, 256];
const OF_PI = [1, 2, 3, 4, 6, 8, 180];

/**
 * Whether a number is one that people write in formulas: short decimals, fractions, multiples of π, 1/n, √n, 1/√n, ⁴√n. What was
 * learned hits one of these by chance alone.
 * @param half whether it was rounded to half precision
 */
export function isKnownNumber(given: number, half = false): boolean {
  const { near, largest } = half ? HALF : PRECISE;
  const value = Math.abs(given);
  const same = (a: number, b: number, error = near) => Math.abs(a - b) <= error * Math.max(a, b);
  const isWhole = (number: number, error = near) =>
    Math.round(number) > 0 && same(number, Math.round(number), error);
  if (!Number.isFinite(given) || value === 0 || value >= 1e30) return true;
  if (same(Number(value.toPrecision(half ? 2 : 3)), value)) return true;
  if (isWhole(value) && (!half || value < 2048) && value < 1e9) return true;
  if (!half && DENOMINATORS.some((denominator) => isWhole(value * denominator))) return true;
  if (NAMED.some((known) => same(value, known))) return true;
  if (Math.abs(Math.log2(value) - Math.round(Math.log2(value))) < near) return true;
  // A power multiplies the relative error.
  for (const power of [1, 2, 4] as const)
    for (const number of [value ** power, value ** -power])
      if (number <= largest[power] && isWhole(number, power * near)) return true;
  return OF_PI.some((denominator) => isWhole((value / Math.PI) * denominator));
}
