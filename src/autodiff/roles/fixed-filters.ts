import type { Node } from '../../onnx/proto.js';
import { tensorDims } from '../../onnx/tensors/tensor.js';
import { isWholeView } from './slots.js';
import type { Use, ValueFlow } from './uses.js';
import { floatValues } from './values.js';

type Values = ArrayLike<number>;

/** Ops that a transform of a signal is made with: a product with each of the basis' functions. */
export const PRODUCTS: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/** Shortest function of a basis, and what its angles may differ by, as a share of 1 − cos. */
const SHORTEST = 8;
const ANGLE_ERROR = 1e-4;
/** Of a line's largest power: below it, angles are rounding. */
const POWER_BELOW = 1e-6;

/** The lines along an axis: how many, and where an element of one is in the tensor. */
function linesOf(
  dims: readonly number[],
  axis: number,
): { readonly count: number; readonly at: (line: number, t: number) => number } {
  const length = dims[axis]!;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const count = dims.reduce((product, dim) => product * dim, 1) / Math.max(1, length);
  return {
    count,
    at: (line, t) => Math.floor(line / inner) * length * inner + (line % inner) + t * inner,
  };
}

/**
 * Whether two tensors are the real and the imaginary part of windowed complex exponentials, each of a length and a window of its own:
 * short-time Fourier, constant-Q and Gabor transforms. Along each line of an axis the angle grows by equal steps.
 */
export function isComplexBasis(real: Values, imaginary: Values, dims: readonly number[]): boolean {
  return dims.some((length, axis) => {
    const { count, at } = linesOf(dims, axis);
    const part = (values: Values, line: number) => (t: number) => values[at(line, t)]!;
    return areRotations(length, count, (line) => [part(real, line), part(imaginary, line)]);
  });
}

/** The same of one tensor that has both parts: one after the other, or in turn. */
export function isStackedBasis(values: Values, dims: readonly number[]): boolean {
  return dims.some((length, axis) => {
    const { count, at } = linesOf(dims, axis);
    if (count % 2 !== 0) return false;
    const half = count / 2;
    const part = (line: number) => (t: number) => values[at(line, t)]!;
    return (
      areRotations(length, half, (line) => [part(line), part(line + half)]) ||
      areRotations(length, half, (line) => [part(2 * line), part(2 * line + 1)])
    );
  });
}

type Line = (t: number) => number;

function areRotations(length: number, count: number, of: (line: number) => readonly [Line, Line]): boolean {
  if (length < SHORTEST || count < 2) return false;
  let turning = 0;
  for (let line = 0; line < count; line++) {
    const found = rotation(...of(line), length);
    if (found === 'none') return false;
    if (found === 'turning') turning++;
  }
  return turning >= count / 2;
}

function rotation(real: Line, imaginary: Line, length: number): 'none' | 'still' | 'turning' {
  let largest = 0;
  const power = (t: number) => real(t) ** 2 + imaginary(t) ** 2;
  for (let t = 0; t < length; t++) largest = Math.max(largest, power(t));
  if (largest === 0) return 'still';
  let [x, y, total, steps] = [0, 0, 0, 0];
  for (let t = 0; t + 1 < length; t++) {
    if (power(t) < POWER_BELOW * largest || power(t + 1) < POWER_BELOW * largest) continue;
    const along = real(t) * real(t + 1) + imaginary(t) * imaginary(t + 1);
    const across = real(t) * imaginary(t + 1) - imaginary(t) * real(t + 1);
    x += along;
    y += across;
    total += Math.hypot(along, across);
    steps++;
  }
  if (steps < SHORTEST / 2 || Math.hypot(x, y) < (1 - ANGLE_ERROR) * total) return 'none';
  return Math.abs(y) > 1e-3 * total ? 'turning' : 'still';
}

/** Whether a weight is one part of a basis, its other part the weight of a product of the same value. */
export function isPartOfBasis(
  flow: ValueFlow,
  values: Values,
  dims: readonly number[],
  { node, index }: Use,
): boolean {
  if (!PRODUCTS.has(node.opType) || !dims.some((dim) => dim >= SHORTEST)) return false;
  const data = node.input.find((name, position) => position < 2 && position !== index && name !== '');
  if (data === undefined || !flow.dependsOnData(data)) return false;
  return besides(flow, rootOf(flow, data)).some((other) => {
    if (other === node || other.opType !== node.opType) return false;
    const tensor = flow.tensors.get(rootOf(flow, other.input[index] ?? ''));
    if (!tensor) return false;
    const shape = tensorDims(tensor);
    if (shape.length !== dims.length || shape.some((dim, axis) => dim !== dims[axis])) return false;
    const partner = floatValues(tensor);
    return isComplexBasis(values, partner, dims) || isComplexBasis(partner, values, dims);
  });
}

function rootOf(flow: ValueFlow, value: string): string {
  let root = value;
  for (let node = flow.maker(root); node && isWholeView(node, 0); node = flow.maker(root))
    root = node.input[0] ?? '';
  return root;
}

/** The nodes that read a value or a view of it. */
function besides(flow: ValueFlow, value: string): Node[] {
  const found: Node[] = [];
  const values = [value];
  // The list grows while it is read.
  for (const each of values)
    for (const { node, index } of flow.readers(each)) {
      if (isWholeView(node, index)) values.push(node.output[0] ?? '');
      else found.push(node);
    }
  return found;
}

/** Fewest elements of a kernel, and pairs in it, whose equality is no chance. */
const SMALLEST_KERNEL = 7;
const FEWEST_PAIRS = 3;

/**
 * Whether all kernels of a convolution are equal to their mirror images, or opposite to them: designed filters, as those before a
 * signal is resampled or smoothed. What is learned never is.
 */
export function isMirrored(values: Values, dims: readonly number[]): boolean {
  if (dims.length < 3) return false;
  const size = dims.slice(2).reduce((product, dim) => product * dim, 1);
  if (size < SMALLEST_KERNEL) return false;
  for (let first = 0; first < values.length; first += size) {
    const last = first + size - 1;
    let largest = 0;
    for (let index = first; index <= last; index++) largest = Math.max(largest, Math.abs(values[index]!));
    const pairs = new Set<number>();
    let [even, odd] = [true, true];
    for (let t = 0; t < Math.floor(size / 2); t++) {
      const [a, b] = [values[first + t]!, values[last - t]!];
      if (Math.abs(a - b) > 1e-6 * largest) even = false;
      if (Math.abs(a + b) > 1e-6 * largest) odd = false;
      if (!even && !odd) return false;
      if (a !== 0) pairs.add(Math.abs(a));
    }
    if (pairs.size < FEWEST_PAIRS) return false;
  }
  return true;
}
