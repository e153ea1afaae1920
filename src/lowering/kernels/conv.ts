import { intAttribute } from '../../onnx/attributes.js';
import { flatminDomain } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { extent, readWindow, type Window } from '../../onnx/shapes/window.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import { type LoweringContext, overChannels } from '../context.js';
import { inputGradient } from '../conv.js';

/** What the kernels take: float32, one or two spatial axes, padding narrower than the window. */
function kernelWindow(c: LoweringContext, node: Node, x: string, w: string): KernelWindow | undefined {
  const [xType, wType] = [c.type(x), c.type(w)];
  const axes = xType.dims.length - 2;
  if (xType.type !== DataType.float || axes < 1 || axes > 2 || [...xType.dims, ...wType.dims].includes(0))
    return undefined;
  const window = readWindow(node, xType.dims.slice(2), wType.dims.slice(2));
  const narrow = window.kernel.every((_, axis) => {
    const reach = extent(window, axis);
    return window.padsBegin[axis]! < reach && window.padsEnd[axis]! < reach;
  });
  const group = intAttribute(node, 'group', 1);
  return narrow ? { ...window, group, depthwise: group === xType.dims[1] } : undefined;
}

interface KernelWindow extends Window {
  readonly group: number;
  readonly depthwise: boolean;
}

/** Channels of a group, in or out, below which the kernels leave vectors empty. */
const FULL_GROUP = 16;

/**
 * Neither one group nor one for each channel, but with few channels each, or 1×1: ONNX Runtime takes 0.7–1.03 of the kernels' time for Y and
 * 0.75–0.97 for dX (32 groups of 4, 8; 8 groups of 16, 1×1), and 1.3–4 times theirs for dW.
 */
const isNarrow = (
  c: LoweringContext,
  w: string,
  { group, depthwise, kernel, strides }: KernelWindow,
): boolean => {
  const [out, into] = c.dims(w) as [number, number];
  const pointwise = [...kernel, ...strides].every((size) => size === 1);
  return group > 1 && !depthwise && (pointwise || Math.min(out / group, into) < FULL_GROUP);
};

/** Few channels in: dX of a strided one takes the kernel, which fills vectors with them, 3–6 times as long as ConvTranspose. */
const isStem = (c: LoweringContext, { group, strides }: KernelWindow): boolean =>
  group === 1 && c.dims(c.input(1))[1]! < 8 && strides.some((stride) => stride > 1);

const attributes = (window: KernelWindow) => ({
  strides: window.strides,
  dilations: window.dilations,
  pads: [...window.padsBegin, ...window.padsEnd],
  group: window.group,
});

/** A 1×1 kernel at stride 1: a product of matrices. Strided ones are faster in the kernels than behind a Slice. */
const isProduct = ({ group, kernel, strides }: KernelWindow): boolean =>
  group === 1 && [...kernel, ...strides].every((size) => size === 1);

/**
 * 1×1 kernels at stride 1 stay ONNX Runtime's, which takes 0.56–1.06 of the time (16→72 channels at 56×56: 3.2 against 5.7 ms;
 * 1280→320 at 7×7: 8.6 against 8.1; 1 thread with AVX-512).
 */
export function forward(c: LoweringContext): boolean {
  const [x, w] = [c.input(0), c.input(1)];
  const window = kernelWindow(c, c.node, x, w);
  if (!window || isProduct(window) || isNarrow(c, w, window)) return false;
  const bias = c.input(2);
  c.define(0, 'Conv', bias ? [x, w, bias] : [x, w], attributes(window), flatminDomain);
  return true;
}

/** ConvGrad: inputs dY, X, W; outputs dX, dW, dB. */
export function gradient(c: LoweringContext): boolean {
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const window = kernelWindow(c, c.node, x, w);
  if (!window) return false;
  if (isProduct(window)) {
    productInput(c);
    productWeight(c);
  } else {
    if (isStem(c, window) || isNarrow(c, w, window)) inputGradient(c, window, window.group);
    else
      c.define(
        0,
        'ConvGradInput',
        [dy, w],
        { ...attributes(window), input_size: c.dims(x).slice(2) },
        flatminDomain,
      );
    c.define(1, 'ConvGradWeight', [x, dy], { ...attributes(window), kernel: window.kernel }, flatminDomain);
  }
  c.define(2, 'ReduceSum', [dy, c.builder.ints(overChannels(c.dims(dy).length))], { keepdims: 0 });
  return true;
}

/** dX = Wᵀ·dY as a convolution of ONNX Runtime: 0.67–1.17 of the time of the kernel (median 0.92 of 15 shapes). */
function productInput(c: LoweringContext): void {
  if (!c.output(0)) return;
  const [dy, w] = [c.input(0), c.input(2)];
  const rank = c.dims(w).length;
  const transposed = c.op('Transpose', [w], {
    perm: [1, 0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2)],
  });
  c.define(0, 'Conv', [dy, transposed], { kernel_shape: Array(rank - 2).fill(1) });
}

/**
 * dW = Σₙ dYₙ·Xₙᵀ, where images are large against the weights, else dY·Xᵀ of all images at once: N products of O×C to sum, or two tensors
 * to transpose. Of the kernel's time 0.39–0.85 and 0.25–0.82.
 */
function productWeight(c: LoweringContext): void {
  if (!c.output(1)) return;
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const [batch, out, ...sizes] = c.dims(dy) as [number, number, ...number[]];
  const into = c.dims(w)[1]!;
  const positions = sizes.reduce((product, size) => product * size, 1);
  const images = (value: string, channels: number) => c.reshape(value, [batch, channels, positions]);
  const channelsFirst = (value: string, channels: number) =>
    c.reshape(c.op('Transpose', [images(value, channels)], { perm: [1, 0, 2] }), [
      channels,
      batch * positions,
    ]);
  const product =
    2 * out * into <= positions * (out + into)
      ? c.op('ReduceSum', [
          c.op('MatMul', [images(dy, out), c.op('Transpose', [images(x, into)], { perm: [0, 2, 1] })]),
          c.builder.ints([0]),
        ])
      : c.op('Gemm', [channelsFirst(dy, out), channelsFirst(x, into)], { transB: 1 });
  c.define(1, 'Reshape', [product, c.builder.ints(c.dims(w))]);
}
