import { intAttribute, intsAttribute } from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import {
  dot,
  filled,
  forEachIndex,
  type NdArray,
  normalizeAxes,
  normalizeAxis,
  stridesOf,
} from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** Reduces over axes given as an attribute (older opsets) or as the second input; `finish` follows on each total. */
const reduction =
  (
    initial: number,
    combine: (total: number, value: number, count: number) => number,
    finish = (total: number) => total,
  ): Op =>
  ([x, axesInput], node) => {
    const axes = reducedAxes(x!, axesInput, node) ?? [];
    const keptDims = x!.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const strides = stridesOf(keptDims).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const y = filled(keptDims, initial);
    const count = x!.data.length / y.data.length;
    forEachIndex(x!.dims, (index, flat) => {
      const at = dot(strides, index);
      y.data[at] = combine(y.data[at]!, x!.data[flat]!, count);
    });
    y.data = y.data.map(finish);
    if (intAttribute(node, 'keepdims', 1) === 0) y.dims = keptDims.filter((_, axis) => !axes.includes(axis));
    return [y];
  };

/** Undefined when no axes mean no reduction. */
function reducedAxes(x: NdArray, axesInput: NdArray | undefined, node: Node): number[] | undefined {
  const axes = axesInput ? [...axesInput.data] : intsAttribute(node, 'axes', []);
  if (axes.length > 0) return normalizeAxes(axes, x.dims.length);
  return intAttribute(node, 'noop_with_empty_axes', 0) ? undefined : x.dims.map((_, axis) => axis);
}

/** log softmax along one axis, stable. */
export function logSoftmax(x: NdArray, axis: number): NdArray {
  const length = x.dims[axis]!;
  const step = stridesOf(x.dims)[axis]!;
  const y = filled(x.dims);
  for (let start = 0; start < x.data.length; start++) {
    if (Math.floor(start / step) % length !== 0) continue;
    const line = Array.from({ length }, (_, i) => x.data[start + i * step]!);
    const max = Math.max(...line);
    const logSum = max + Math.log(line.reduce((sum, value) => sum + Math.exp(value - max), 0));
    line.forEach((value, i) => {
      y.data[start + i * step] = value - logSum;
    });
  }
  return y;
}

const logSoftmaxOf: Op = ([x], node) => [
  logSoftmax(x!, normalizeAxis(intAttribute(node, 'axis', -1), x!.dims.length)),
];

const softmax: Op = (inputs, node) =>
  logSoftmaxOf(inputs, node).map(({ dims, data }) => ({ dims, data: data.map(Math.exp) }));

export const reductions: OpTable = {
  ReduceSum: reduction(0, (total, value) => total + value),
  ReduceMean: reduction(0, (total, value, count) => total + value / count),
  ReduceSumSquare: reduction(0, (total, value) => total + value * value),
  ReduceProd: reduction(1, (total, value) => total * value),
  ReduceL1: reduction(0, (total, value) => total + Math.abs(value)),
  ReduceL2: reduction(0, (total, value) => total + value * value, Math.sqrt),
  ReduceLogSum: reduction(0, (total, value) => total + value, Math.log),
  ReduceLogSumExp: reduction(0, (total, value) => total + Math.exp(value), Math.log),
  ReduceMin: reduction(Infinity, (total, value) => Math.min(total, value)),
  ReduceMax: reduction(-Infinity, (total, value) => Math.max(total, value)),
  Softmax: softmax,
  LogSoftmax: logSoftmaxOf,
};
