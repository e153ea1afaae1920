import { intAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import { DataType, isFloatingPoint } from '../../onnx/tensor.js';
import type { Rule } from '../rule.js';

export const elementwise: Record<string, Rule> = {
  Identity: (c) => [c.dy],
  Add: (c) => [c.broadcast(c.dy), c.broadcast(c.dy)],
  Sub: (c) => [c.broadcast(c.dy), c.when(1, () => c.broadcast(c.op('Neg', [c.dy])))],
  Mul: (c) => [
    c.when(0, () => c.broadcast(c.op('Mul', [c.dy, c.input(1)]))),
    c.when(1, () => c.broadcast(c.op('Mul', [c.dy, c.input(0)]))),
  ],
  // da = dy / b, db = −dy·y / b
  Div: (c) => [
    c.when(0, () => c.broadcast(c.op('Div', [c.dy, c.input(1)]))),
    c.when(1, () => c.broadcast(c.op('Neg', [c.op('Div', [c.op('Mul', [c.dy, c.output()]), c.input(1)])]))),
  ],
  Sum: (c) => c.node.input.map(() => c.broadcast(c.dy)),
  // da = dy·b·a^(b−1), db = dy·y·ln a
  Pow: (c) => {
    const [a, b] = [c.input(0), c.input(1)];
    const exponent = c.type(a).type === c.type(b).type ? b : c.op('Cast', [b], { to: c.type(a).type });
    return [
      c.when(0, () => {
        const power = c.op('Pow', [a, c.op('Sub', [exponent, c.scalar(1)])]);
        return c.broadcast(c.op('Mul', [c.dy, c.op('Mul', [exponent, power])]));
      }),
      c.when(1, () => c.broadcast(c.op('Mul', [c.dy, c.op('Mul', [c.output(), c.op('Log', [a])])]))),
    ];
  },
  Neg: (c) => [c.op('Neg', [c.dy])],
  Abs: (c) => [c.op('Mul', [c.dy, c.op('Sign', [c.input(0)])])],
  Exp: (c) => [c.op('Mul', [c.dy, c.output()])],
  Log: (c) => [c.op('Div', [c.dy, c.input(0)])],
  Sqrt: (c) => [c.op('Div', [c.dy, c.op('Mul', [c.scalar(2), c.output()])])],
  Reciprocal: (c) => [c.op('Neg', [c.op('Mul', [c.dy, c.op('Mul', [c.output(), c.output()])])])],
  Relu: (c) => [c.op('ReluGrad', [c.dy, c.output()], {}, { domain: microsoft })],
  Sigmoid: (c) => [c.op('SigmoidGrad', [c.dy, c.output()], {}, { domain: microsoft })],
  Tanh: (c) => [c.op('TanhGrad', [c.dy, c.output()], {}, { domain: microsoft })],
  Cast: (c) => {
    const from = c.type(c.input(0)).type;
    return [
      isFloatingPoint(from) && isFloatingPoint(intAttribute(c.node, 'to', DataType.float))
        ? c.op('Cast', [c.dy], { to: from })
        : undefined,
    ];
  },
};
