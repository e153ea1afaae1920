import { intAttribute } from '../../onnx/attributes.js';
import { flatminDomain } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { extent, readWindow, type Window } from '../../onnx/shapes/window.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import { type LoweringContext, overChannels } from '../context.js';

/** What the kernels take: float32, one or two spatial axes, padding narrower than the window; one group undilated, or depthwise. */
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
  const depthwise = group === xType.dims[1];
  const plain = group === 1 && window.dilations.every((dilation) => dilation === 1);
  return narrow && (depthwise || plain) ? { ...window, group, depthwise } : undefined;
}

interface KernelWindow extends Window {
  readonly group: number;
  readonly depthwise: boolean;
}

const attributes = (window: KernelWindow) => ({
  strides: window.strides,
  dilations: window.dilations,
  pads: [...window.padsBegin, ...window.padsEnd],
  group: window.group,
});

/** 1×1 kernels at stride 1 are matrix products, for which ONNX Runtime takes 0.5–0.93 of the time. */
export function forward(c: LoweringContext): boolean {
  const [x, w] = [c.input(0), c.input(1)];
  const window = kernelWindow(c, c.node, x, w);
  const product = window && [...window.kernel, ...window.strides].every((size) => size === 1);
  if (!window || (product && !window.depthwise)) return false;
  const bias = c.input(2);
  c.define(0, 'Conv', bias ? [x, w, bias] : [x, w], attributes(window), flatminDomain);
  return true;
}

/** ConvGrad: inputs dY, X, W; outputs dX, dW, dB. */
export function gradient(c: LoweringContext): boolean {
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const window = kernelWindow(c, c.node, x, w);
  if (!window) return false;
  const inputSize = { ...attributes(window), input_size: c.dims(x).slice(2) };
  c.define(0, 'ConvGradInput', [dy, w], inputSize, flatminDomain);
  c.define(1, 'ConvGradWeight', [x, dy], { ...attributes(window), kernel: window.kernel }, flatminDomain);
  c.define(2, 'ReduceSum', [dy, c.builder.ints(overChannels(c.dims(dy).length))], { keepdims: 0 });
  return true;
}
