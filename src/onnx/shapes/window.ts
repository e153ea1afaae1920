import { FlatminError } from '../../errors.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import type { Node } from '../proto.js';

/** The sliding window of a convolution or pooling node over its spatial axes, padding made explicit. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before the first and after the last element of each axis, as ONNX's pads: all begins, then all ends. */
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
}

/** Elements from the first to the last tap of the kernel on an axis. */
export const extent = (window: Window, axis: number): number =>
  (window.kernel[axis]! - 1) * window.dilations[axis]! + 1;

/**
 * Reads the window of Conv, MaxPool, AveragePool or LpPool. `auto_pad` is resolved as the ONNX specification says:
 * SAME keeps ceil(size / stride) outputs, with the odd zero at the end (UPPER) or the beginning (LOWER).
 * @param spatial sizes of the input's spatial axes
 * @param kernelDims the kernel's size, where the node does not name it
 */
export function readWindow(node: Node, spatial: readonly number[], kernelDims?: readonly number[]): Window {
  const rank = spatial.length;
  const kernel = intsAttribute(node, 'kernel_shape') ?? (kernelDims && [...kernelDims]);
  if (!kernel) throw new FlatminError('INVALID_MODEL', `${describeNode(node)} has no kernel_shape.`);
  const strides = intsAttribute(node, 'strides', Array(rank).fill(1));
  const dilations = intsAttribute(node, 'dilations', Array(rank).fill(1));
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (autoPad === 'NOTSET') {
    const pads = intsAttribute(node, 'pads', Array(2 * rank).fill(0));
    return { kernel, strides, dilations, padsBegin: pads.slice(0, rank), padsEnd: pads.slice(rank) };
  }
  const total = spatial.map((size, axis) => {
    if (autoPad === 'VALID') return 0;
    const outputs = Math.ceil(size / strides[axis]!);
    return Math.max(0, (outputs - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1 - size);
  });
  const small = total.map((zeros) => Math.floor(zeros / 2));
  const large = total.map((zeros) => Math.ceil(zeros / 2));
  return autoPad === 'SAME_LOWER'
    ? { kernel, strides, dilations, padsBegin: large, padsEnd: small }
    : { kernel, strides, dilations, padsBegin: small, padsEnd: large };
}

/** The window as attributes of a node. */
export const windowAttributes = (window: Window) => ({
  kernel_shape: window.kernel,
  strides: window.strides,
  dilations: window.dilations,
  pads: [...window.padsBegin, ...window.padsEnd],
});

export const isCeilMode = (node: Node): boolean => intAttribute(node, 'ceil_mode', 0) === 1;
