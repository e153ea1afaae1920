import { intAttribute } from '../onnx/attributes.js';
import { DataType, elementCount } from '../onnx/tensor.js';
import { extent, readWindow, type Window } from '../onnx/window.js';
import type { Lowering, LoweringContext } from './context.js';

/** Inputs dY and the flat position in X of each maximum: dX adds each dY at its position. */
const maxPoolGrad: Lowering = (c) => {
  const [dy, positions] = [c.input(0), c.input(1)];
  const { type, dims } = c.type(c.output(0));
  const count = elementCount(dims);
  const zeros = c.op('Expand', [c.builder.scalar(0, type), c.builder.ints([count])]);
  const flat = c.op('ScatterElements', [zeros, c.reshape(positions, [-1]), c.reshape(dy, [-1])], {
    axis: 0,
    reduction: 'add',
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
  const values = counts.map((count) => 1 / count);
  const dims = [1, 1, ...outputs];
  return c.type(c.output(0)).type === DataType.double
    ? c.builder.constant('double', dims, Float64Array.from(values))
    : c.builder.constant('float', dims, Float32Array.from(values));
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
  const images = dims[0]! * dims[1]!;
  const each = c.reshape(c.op('Mul', [dy, share]), [images, 1, ...outputs]);
  const taps = elementCount(window.kernel);
  const kernelDims = [1, 1, ...window.kernel];
  const ones =
    c.type(c.output(0)).type === DataType.double
      ? c.builder.constant('double', kernelDims, new Float64Array(taps).fill(1))
      : c.builder.constant('float', kernelDims, new Float32Array(taps).fill(1));
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
