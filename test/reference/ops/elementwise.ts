import { intAttribute } from '../../../src/onnx/attributes.js';
import { DataType, isFloatingPoint } from '../../../src/onnx/tensors/tensor.js';
import { broadcastDims, broadcastTo, withDims } from '../nd-array.js';
import { binary, unary, variadic } from './map.js';
import type { Op, OpTable } from './op.js';

const where: Op = ([condition, x, y]) => {
  const dims = broadcastDims(condition!.dims, x!.dims, y!.dims);
  const [choose, yes, no] = [condition!, x!, y!].map((array) => broadcastTo(array, dims));
  return [{ dims, data: choose!.data.map((flag, i) => (flag ? yes!.data[i]! : no!.data[i]!)) }];
};

/** Absent bounds do not bind. */
const clip: Op = ([x, min, max]) => {
  const low = min?.data[0] ?? -Infinity;
  const high = max?.data[0] ?? Infinity;
  return [{ dims: x!.dims, data: x!.data.map((value) => Math.min(high, Math.max(low, value))) }];
};

const cast: Op = ([x], node) => {
  const to = intAttribute(node, 'to', 0);
  if (isFloatingPoint(to)) return [x!];
  const convert = to === DataType.bool ? (value: number) => Number(value !== 0) : Math.trunc;
  return [{ dims: x!.dims, data: x!.data.map(convert) }];
};

/** To even where two integers are as near. */
const round = (x: number): number => {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
};

const mean: Op = (inputs, node) => {
  const [{ dims, data }] = elementwise.Sum!(inputs, node) as [{ dims: number[]; data: Float64Array }];
  return [{ dims, data: data.map((total) => total / inputs.length) }];
};

/** The remainder of the divisor's sign, or with fmod of the dividend's. */
const mod = binary((a, b, node) => (intAttribute(node, 'fmod', 0) ? a % b : a - b * Math.floor(a / b)));

export const elementwise: OpTable = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Mod: mod,
  Pow: binary((a, b) => a ** b),
  Sum: variadic((a, b) => a + b),
  Mean: mean,
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Neg: unary((x) => -x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Abs: unary(Math.abs),
  Reciprocal: unary((x) => 1 / x),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Tanh: unary(Math.tanh),
  Relu: unary((x) => Math.max(0, x)),
  Sign: unary(Math.sign),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(round),
  Identity: ([x]) => [withDims(x!, x!.dims)],
  Where: where,
  Clip: clip,
  Cast: cast,
  CastLike: ([x]) => [x!],
  Greater: binary((a, b) => Number(a > b)),
  GreaterOrEqual: binary((a, b) => Number(a >= b)),
  Less: binary((a, b) => Number(a < b)),
  LessOrEqual: binary((a, b) => Number(a <= b)),
  Equal: binary((a, b) => Number(a === b)),
  And: binary((a, b) => Number(a !== 0 && b !== 0)),
  Or: binary((a, b) => Number(a !== 0 || b !== 0)),
  Xor: binary((a, b) => Number((a !== 0) !== (b !== 0))),
  Not: unary((a) => Number(a === 0)),
  IsNaN: unary((x) => Number(Number.isNaN(x))),
  IsInf: unary((x) => Number(Math.abs(x) === Infinity)),
};
