import type { Node } from '../../../src/onnx/proto.js';
import { broadcastDims, broadcastTo, type NdArray } from '../nd-array.js';
import type { Op } from './op.js';

/** An op of one value, element by element. */
export const unary =
  (compute: (value: number, node: Node) => number): Op =>
  ([x], node) => [{ dims: x!.dims, data: x!.data.map((value) => compute(value, node)) }];

/** An op of two values that broadcast to one shape. */
export const binary =
  (compute: (a: number, b: number, node: Node) => number): Op =>
  ([a, b], node) => [zip(a!, b!, (left, right) => compute(left, right, node))];

/** An op of any number of values, taken pairwise from the left. */
export const variadic =
  (compute: (total: number, value: number) => number): Op =>
  (inputs) => [inputs.map((array) => array!).reduce((total, array) => zip(total, array, compute))];

export function zip(a: NdArray, b: NdArray, compute: (a: number, b: number) => number): NdArray {
  const dims = broadcastDims(a.dims, b.dims);
  const [left, right] = [broadcastTo(a, dims), broadcastTo(b, dims)];
  return { dims, data: left.data.map((value, index) => compute(value, right.data[index]!)) };
}
