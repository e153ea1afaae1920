/** A dense row-major tensor; integers and booleans are held as float64 too. */
export interface NdArray {
  dims: number[];
  data: Float64Array;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

export const ndArray = (dims: readonly number[], data: ArrayLike<number>): NdArray => ({
  dims: [...dims],
  data: Float64Array.from(data),
});

export const scalar = (value: number): NdArray => ndArray([], [value]);

export const filled = (dims: readonly number[], value = 0): NdArray => ({
  dims: [...dims],
  data: new Float64Array(sizeOf(dims)).fill(value),
});

/** The same elements under another shape. */
export const withDims = (array: NdArray, dims: readonly number[]): NdArray => ({
  dims: [...dims],
  data: array.data,
});

export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis]!;
  }
  return strides;
}

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0);

/** Visits every index of a shape in row-major order; `index` is reused between visits. */
export function forEachIndex(
  dims: readonly number[],
  visit: (index: readonly number[], flat: number) => void,
): void {
  const count = sizeOf(dims);
  const index = new Array<number>(dims.length).fill(0);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** An array whose element at each index is `element(index)`. */
export function generate(dims: readonly number[], element: (index: readonly number[]) => number): NdArray {
  const result = filled(dims);
  forEachIndex(dims, (index, flat) => {
    result.data[flat] = element(index);
  });
  return result;
}

/** Multidirectional broadcasting of the ONNX specification (NumPy's). */
export function broadcastDims(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, axis) => {
    let result = 1;
    for (const dims of shapes) {
      const dim = dims[axis - (rank - dims.length)] ?? 1;
      if (dim === 1) continue;
      if (result !== 1 && result !== dim)
        throw new Error(`Shapes ${shapes.map((s) => `[${s}]`)} do not broadcast.`);
      result = dim;
    }
    return result;
  });
}

export function broadcastTo(array: NdArray, dims: readonly number[]): NdArray {
  const offset = dims.length - array.dims.length;
  const strides = stridesOf(array.dims).map((stride, axis) => (array.dims[axis] === 1 ? 0 : stride));
  return generate(dims, (index) => array.data[dot(strides, index.slice(offset))]!);
}

/** A non-negative axis. */
export function normalizeAxis(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= Math.max(rank, 1))
    throw new Error(`Axis ${axis} is outside a tensor of rank ${rank}.`);
  return result;
}

export const normalizeAxes = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => normalizeAxis(axis, rank));
