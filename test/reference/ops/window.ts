import { intAttribute, intsAttribute, stringAttribute } from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import { forEachIndex, stridesOf } from '../nd-array.js';

/** The geometry that convolutions and pools share; every list has one entry a spatial axis. */
export interface Window {
  input: number[];
  output: number[];
  kernel: number[];
  strides: number[];
  dilations: number[];
  padsBegin: number[];
  padsEnd: number[];
}

/** Reads strides, dilations, pads, auto_pad and ceil_mode as Conv, MaxPool and AveragePool define them. */
export function windowOf(node: Node, input: number[], kernel: number[]): Window {
  const rank = input.length;
  const ones = new Array<number>(rank).fill(1);
  const strides = intsAttribute(node, 'strides', ones);
  const dilations = intsAttribute(node, 'dilations', ones);
  const explicit = intsAttribute(node, 'pads', new Array<number>(2 * rank).fill(0));
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const padsBegin = explicit.slice(0, rank);
  const padsEnd = explicit.slice(rank);
  const output = input.map((size, axis) => {
    const stride = strides[axis]!;
    const extent = (kernel[axis]! - 1) * dilations[axis]! + 1;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      const count = Math.ceil(size / stride);
      const total = Math.max(0, (count - 1) * stride + extent - size);
      const small = Math.floor(total / 2);
      padsBegin[axis] = autoPad === 'SAME_UPPER' ? small : total - small;
      padsEnd[axis] = total - padsBegin[axis]!;
      return count;
    }
    if (autoPad === 'VALID') padsBegin[axis] = padsEnd[axis] = 0;
    const padded = size + padsBegin[axis]! + padsEnd[axis]!;
    if (intAttribute(node, 'ceil_mode', 0) === 0) return Math.floor((padded - extent) / stride) + 1;
    const count = Math.ceil((padded - extent) / stride) + 1;
    // A window that would start in the padding at the end is left out.
    return (count - 1) * stride >= size + padsBegin[axis]! ? count - 1 : count;
  });
  return { input, output, kernel, strides, dilations, padsBegin, padsEnd };
}

/** Visits, for one output position, each kernel tap: its flat kernel offset and its position in the input. */
export function forEachTap(
  window: Window,
  position: readonly number[],
  visit: (kernelOffset: number, inputOffset: number | undefined, insidePadding: boolean) => void,
): void {
  const inputStrides = stridesOf(window.input);
  forEachIndex(window.kernel, (tap, kernelOffset) => {
    let offset = 0;
    let inside = true;
    let insidePadding = true;
    for (let axis = 0; axis < tap.length; axis++) {
      const begin = window.padsBegin[axis]!;
      const at = position[axis]! * window.strides[axis]! + tap[axis]! * window.dilations[axis]! - begin;
      if (at < 0 || at >= window.input[axis]!) inside = false;
      if (at >= window.input[axis]! + window.padsEnd[axis]!) insidePadding = false;
      offset += at * inputStrides[axis]!;
    }
    visit(kernelOffset, inside ? offset : undefined, insidePadding);
  });
}
