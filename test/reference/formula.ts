/**
 * The formulas of `test/fixtures/optimizers/make.py`: parameters, images, labels and Rand-SAM's direction that a
 * reference in another language can evaluate too, so that no fixture stores weights.
 */

/** What a parameter tensor is: a convolution's or dense layer's weight, a batch norm's scale, or any bias. */
export type FormulaKind = 'weight' | 'scale' | 'bias';

/** Parameter tensor `k` (its position in the network, from 0), row-major. */
export function formulaTensor(kind: FormulaKind, k: number, shape: readonly number[]): Float32Array {
  const gain = Math.sqrt(2 / product(shape.slice(1)));
  return tensor(product(shape), (i) => {
    const base = Math.sin(0.7 * i + 1.3 * k + 0.1 * ((i * i) % 101));
    if (kind === 'weight') return base * gain;
    return kind === 'scale' ? 1 + 0.2 * base : 0.1 * base;
  });
}

/** The first `count` values of the images (`count` = batch × channels × height × width). */
export function formulaImages(count: number): Float32Array {
  return tensor(count, (i) => Math.sin(0.37 * i + 0.05 * ((i * i) % 97)));
}

/** Labels of `n` images, 0 to 9. */
export function formulaLabels(n: number): number[] {
  return Array.from({ length: n }, (_, j) => (3 * j + 1) % 10);
}

/** Rand-SAM's direction z (not normalised) for parameter tensor `k` of `size` elements. */
export function formulaDirection(k: number, size: number): Float32Array {
  return tensor(size, (i) => Math.cos(0.9 * i + 0.2 * k));
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

function tensor(size: number, value: (i: number) => number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => value(i));
}
