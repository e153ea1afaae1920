import { intAttribute } from '../onnx/attributes.js';
import { microsoft } from '../onnx/domains.js';
import { extent, readWindow, type Window } from '../onnx/shapes/window.js';
import { type Lowering, type LoweringContext, overChannels } from './context.js';

/** dX = transposed convolution of dY with the same weight. */
export function inputGradient(c: LoweringContext, window: Window, group: number): void {
  if (!c.output(0)) return;
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const [xSizes, ySizes] = [c.dims(x).slice(2), c.dims(dy).slice(2)];
  // What a stride leaves over at the end of an axis: elements that the forward pass never read.
  const outputPadding = xSizes.map((size, axis) => {
    const reached = (ySizes[axis]! - 1) * window.strides[axis]! + extent(window, axis);
    return size - (reached - window.padsBegin[axis]! - window.padsEnd[axis]!);
  });
  c.define(0, 'ConvTranspose', [dy, w], {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.padsBegin, ...window.padsEnd],
    output_padding: outputPadding,
    group,
  });
}

/** All index tuples below the sizes, the last axis fastest. */
function* indices(sizes: readonly number[]): Generator<number[]> {
  const count = sizes.reduce((product, size) => product * size, 1);
  for (let flat = 0; flat < count; flat++) {
    const index: number[] = [];
    let rest = flat;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      index[axis] = rest % sizes[axis]!;
      rest = Math.floor(rest / sizes[axis]!);
    }
    yield index;
  }
}

/**
 * dW[:, :, tap] = dYᵀ · (X shifted by the tap): one matrix product of O×NP and C×NP a tap, NP being positions of all images.
 * Channels come first in both so that every operand is a plain matrix.
 */
function weightGradient(c: LoweringContext, window: Window, group: number): void {
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const [xDims, dyDims, wDims] = [c.dims(x), c.dims(dy), c.dims(w)];
  const rank = xDims.length;
  const [out, into, ySizes] = [wDims[0]!, xDims[1]!, dyDims.slice(2)];
  const positions = ySizes.reduce((product, size) => product * size, dyDims[0]!);
  const channelsFirst = [1, 0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2)];
  const matrix = (value: string, channels: number) =>
    group === 1
      ? c.reshape(value, [channels, positions])
      : c.reshape(value, [group, channels / group, positions]);

  const dyMatrix = matrix(c.op('Transpose', [dy], { perm: channelsFirst }), out);
  const padded = [...window.padsBegin, ...window.padsEnd].some((zeros) => zeros > 0)
    ? c.op('Pad', [x, c.builder.ints([0, 0, ...window.padsBegin, 0, 0, ...window.padsEnd])])
    : x;
  const source = c.op('Transpose', [padded], { perm: channelsFirst });
  const axes = ySizes.map((_, axis) => axis + 2);
  const taps = [...indices(window.kernel)].map((tap) => {
    const starts = tap.map((index, axis) => index * window.dilations[axis]!);
    const ends = starts.map((start, axis) => start + (ySizes[axis]! - 1) * window.strides[axis]! + 1);
    const whole = starts.every(
      (start, axis) =>
        start === 0 && window.strides[axis] === 1 && paddedSize(xDims, window, axis) === ySizes[axis],
    );
    const shifted = whole
      ? source
      : c.op('Slice', [
          source,
          c.builder.ints(starts),
          c.builder.ints(ends),
          c.builder.ints(axes),
          c.builder.ints(window.strides),
        ]);
    const xMatrix = matrix(shifted, into);
    const product =
      group === 1
        ? c.op('Gemm', [dyMatrix, xMatrix], { transB: 1 })
        : c.op('MatMul', [dyMatrix, c.op('Transpose', [xMatrix], { perm: [0, 2, 1] })]);
    return c.reshape(product, [out, into / group, 1]);
  });
  const all = taps.length === 1 ? taps[0]! : c.op('Concat', taps, { axis: 2 });
  c.define(1, 'Reshape', [all, c.builder.ints(wDims)]);
}

const paddedSize = (xDims: readonly number[], window: Window, axis: number): number =>
  xDims[axis + 2]! + window.padsBegin[axis]! + window.padsEnd[axis]!;

/** Inputs dY, X, W; outputs dX, dW, dB. */
const convGrad: Lowering = (c) => {
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const window = readWindow(c.node, c.dims(x).slice(2), c.dims(w).slice(2));
  const group = intAttribute(c.node, 'group', 1);
  inputGradient(c, window, group);
  if (c.output(1)) weightGradient(c, window, group);
  c.define(2, 'ReduceSum', [dy, c.builder.ints(overChannels(c.dims(dy).length))], { keepdims: 0 });
};

export const conv: Record<string, Lowering> = { [`${microsoft}:ConvGrad`]: convGrad };
