import { intAttribute } from '../../../src/onnx/attributes.js';
import { DataType, isFloatingPoint } from '../../../src/onnx/tensor.js';
import { broadcastDims, broadcastTo, type NdArray, withDims } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

const unary =
  (compute: (value: number) => number): Op =>
  ([x]) => [{ dims: x!.dims, data: x!.data.map(compute) }];

const binary =
  (compute: (a: number, b: number) => number): Op =>
  ([a, b]) => [zip(a!, b!, compute)];

function zip(a: NdArray, b: NdArray, compute: (a: number, b: number) => number): NdArray {
  const dims = broadcastDims(a.dims, b.dims);
  const [left, right] = [broadcastTo(a, dims), broadcastTo(b, dims)];
  return { dims, data: left.data.map((value, index) => compute(value, right.data[index]!)) };
}

const where: Op = ([condition, x, y]) => {
  const dims = broadcastDims(condition!.dims, x!.dims, y!.dims);
  const [choose, yes, no] = [condition!, x!, y!].map((array) => broadcastTo(array, dims));
  return [{ dims, data: choose!.data.map((flag, i) => (flag ? yes!.data[i]! : no!.data[i]!)) }];
};

/** Absent bounds do not bind. */
const clip: Op = ([x, min, max]) => {
  const [low, high] = [min?.data[0] ?? -Infinity, max?.data[0] ?? Infinity];
  return [{ dims: x!.dims, data: x!.data.map((value) => Math.min(high, Math.max(low, value))) }];
};

const cast: Op = ([x], node) => {
  const to = intAttribute(node, 'to', 0);
  if (isFloatingPoint(to)) return [x!];
  const convert = to === DataType.bool ? (value: number) => Number(value !== 0) : Math.trunc;
  return [{ dims: x!.dims, data: x!.data.map(convert) }];
};

export const elementwise: OpTable = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: binary((a, b) => a ** b),
  Sum: (inputs) => [
    inputs.map((array) => array!).reduce((total, array) => zip(total, array, (a, b) => a + b)),
  ],
  Neg: unary((x) => -x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Abs: unary(Math.abs),
  Reciprocal: unary((x) => 1 / x),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Tanh: unary(Math.tanh),
  Relu: unary((x) => Math.max(0, x)),
  Identity: ([x]) => [withDims(x!, x!.dims)],
  Where: where,
  Clip: clip,
  Cast: cast,
};
