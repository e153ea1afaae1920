import { intAttribute } from '../onnx/attributes.js';
import { extent, readWindow, type Window } from '../onnx/shapes/window.js';
import { elementCount } from '../onnx/tensors/tensor.js';
import type { Lowering, LoweringContext } from './context.js';

/** Inputs dY and the flat position in X of each maximum: dX adds each dY at its position. */
const maxPoolGrad: Lowering = (c) => {
  const [dy, positions] = [c.input(0), c.input(1)];
  const { type, dims } = c.type(c.output(0));
  const count = elementCount(dims);
  const window = readWindow(c.node, dims.slice(2));
  // No position comes twice where windows do not overlap.
  const overlap = window.kernel.some((_, axis) => extent(window, axis) > window.strides[axis]!);
  const zeros = c.op('Expand', [c.builder.scalar(0, type), c.builder.ints([count])]);
  const flat = c.op('ScatterElements', [zeros, c.reshape(positions, [-1]), c.reshape(dy, [-1])], {
    axis: 0,
    ...(overlap && { reduction: 'add' }),
  });
  c.define(0, 'Reshape', [flat, c.builder.ints(dims)]);
};

/** How many elements the window at each output position averages over, along one axis. */
function windowCounts(
  window: Window,
  axis: number,
  size: number,
  outputs: number,
  includePad: boolean,
): number[] {
  const begin = window.padsBegin[axis]!;
  const [first, last] = includePad ? [0, begin + size + window.padsEnd[axis]!] : [begin, begin + size];
  return Array.from({ length: outputs }, (_, output) => {
    let count = 0;
    for (let tap = 0; tap < window.kernel[axis]!; tap++) {
      const position = output * window.strides[axis]! + tap * window.dilations[axis]!;
      if (position >= first && position < last) count++;
    }
    return count;
  });
}

/** 1 / (elements averaged) at each output position, 1×1×spatial. */
function shares(
  c: LoweringContext,
  window: Window,
  sizes: readonly number[],
  outputs: readonly number[],
  includePad: boolean,
): string {
  const perAxis = sizes.map((size, axis) => windowCounts(window, axis, size, outputs[axis]!, includePad));
  let counts = [1];
  for (const axis of perAxis) counts = counts.flatMap((count) => axis.map((other) => count * other));
  return c.floats(
    counts.map((count) => 1 / count),
    [1, 1, ...outputs],
    c.output(0),
  );
}

/** dX where the windows tile X: each element of a value once for every tap. */
function repeat(c: LoweringContext, value: string, kernel: readonly number[]): void {
  const dims = c.dims(c.output(0));
  const outputs = dims.slice(2).map((size, axis) => size / kernel[axis]!);
  const apart = [...dims.slice(0, 2), ...outputs.flatMap((size) => [size, 1])];
  const repeated = [...dims.slice(0, 2), ...outputs.flatMap((size, axis) => [size, kernel[axis]!])];
  const spread = c.op('Expand', [c.reshape(value, apart), c.builder.ints(repeated)]);
  c.define(0, 'Reshape', [spread, c.builder.ints(dims)]);
}

/**
 * dX = transposed convolution of dY / count with a kernel of ones, each channel by itself (channels join the batch);
 * over the padded input first, then cut to the input.
 */
const averagePoolGrad: Lowering = (c) => {
  const dy = c.input(0);
  const dims = c.dims(c.output(0));
  const [sizes, outputs] = [dims.slice(2), c.dims(dy).slice(2)];
  const window = readWindow(c.node, sizes);
  const share = shares(c, window, sizes, outputs, intAttribute(c.node, 'count_include_pad', 0) === 1);
  const tiled = sizes.every(
    (size, axis) =>
      window.kernel[axis] === window.strides[axis] && size === outputs[axis]! * window.kernel[axis]!,
  );
  // Measured on ONNX Runtime's CPU kernels: 8×8 windows 0.2 × the time of the transposed convolution, 2×2 ones 3.4 ×.
  if (tiled && window.kernel.at(-1)! >= 4) {
    repeat(c, c.op('Mul', [dy, share]), window.kernel);
    return;
  }
  const images = dims[0]! * dims[1]!;
  const each = c.reshape(c.op('Mul', [dy, share]), [images, 1, ...outputs]);
  const taps = elementCount(window.kernel);
  const kernelDims = [1, 1, ...window.kernel];
  const ones = c.floats(Array(taps).fill(1), kernelDims, c.output(0));
  let spread = c.op('ConvTranspose', [each, ones], {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
  });
  const reached = outputs.map((count, axis) => (count - 1) * window.strides[axis]! + extent(window, axis));
  const missing = sizes.map((size, axis) => Math.max(0, window.padsBegin[axis]! + size - reached[axis]!));
  if (missing.some((zeros) => zeros > 0)) {
    spread = c.op('Pad', [spread, c.builder.ints([0, 0, ...sizes.map(() => 0), 0, 0, ...missing])]);
  }
  const ends = sizes.map((size, axis) => window.padsBegin[axis]! + size);
  const cut = ends.some((end, axis) => window.padsBegin[axis]! > 0 || end < reached[axis]!)
    ? c.op('Slice', [
        spread,
        c.builder.ints(window.padsBegin),
        c.builder.ints(ends),
        c.builder.ints(sizes.map((_, axis) => axis + 2)),
      ])
    : spread;
  c.define(0, 'Reshape', [cut, c.builder.ints(dims)]);
};

export const pool: Record<string, Lowering> = { MaxPoolGrad: maxPoolGrad, AveragePoolGrad: averagePoolGrad };
