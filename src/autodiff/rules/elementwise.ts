import { intAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import { constantNumber } from '../../onnx/tensors/constants.js';
import { DataType, isFloatingPoint } from '../../onnx/tensors/tensor.js';
import type { Rule, RuleContext } from '../rule.js';
import { arithmetic, derivative } from './arithmetic.js';

/**
 * da = dy·b·a^(b−1), and 0 where b = 0; db = dy·y·ln a, and 0 where a = 0. (0^b has no derivative in b at b = 0 and none in a
 * below b = 1: there da is what the formula says, infinite.)
 */
const pow: Rule = (c) => {
  const [a, given] = [c.input(0), c.input(1)];
  const m = arithmetic(c);
  const type = c.type(a).type;
  const b = c.type(given).type === type ? given : c.op('Cast', [given], { to: type });
  const constant = constantNumber(c.builder.graph, given);
  return [
    c.when(0, () => {
      // The general power is many times slower than these, and so is its own derivative.
      if (constant === 2) return m.mul(c.dy, m.mul(2, a));
      if (constant === 3) return m.mul(c.dy, m.mul(3, m.square(a)));
      if (constant === 0.5) return m.div(c.dy, m.mul(2, c.output()));
      const isZero = m.equal(b, 0);
      const power = c.op('Pow', [a, m.where(isZero, 1, m.sub(b, 1))]);
      return c.broadcast(m.mul(c.dy, m.mul(b, power)));
    }),
    c.when(1, () => c.broadcast(m.mul(c.dy, m.mul(c.output(), c.op('Log', [m.where(m.equal(a, 0), 1, a)]))))),
  ];
};

/** dY goes to the extreme operands, in equal shares where several are equal. */
const extreme: Rule = (c) => {
  if (c.node.input.length === 1) return [c.dy];
  const m = arithmetic(c);
  const hits = c.node.input.map((input) => m.indicator(m.equal(input, c.output())));
  const share = m.div(c.dy, c.op('Sum', hits));
  return hits.map((hit, index) => c.when(index, () => c.broadcast(m.mul(share, hit))));
};

/** dY where x is within the bounds, the bounds included; a bound takes what it holds back. */
const clip: Rule = (c) => {
  const m = arithmetic(c);
  const [x, low, high] = [c.input(0), c.input(1), c.input(2)];
  const within = [...(low ? [m.atLeast(x, low)] : []), ...(high ? [m.atMost(x, high)] : [])];
  const heldBy = (condition: string) => c.broadcast(m.where(condition, c.dy, 0));
  return [
    within.length === 0
      ? c.dy
      : m.where(
          within.reduce((both, one) => m.and(both, one)),
          c.dy,
          0,
        ),
    c.when(1, () => heldBy(m.less(x, low))),
    c.when(2, () => heldBy(m.greater(x, high))),
  ];
};

const where: Rule = (c) => {
  const m = arithmetic(c, c.type(c.output()).type);
  return [
    undefined,
    c.when(1, () => c.broadcast(m.where(c.input(0), c.dy, 0))),
    c.when(2, () => c.broadcast(m.where(c.input(0), 0, c.dy))),
  ];
};

/** Between floating-point types; an integer or truth value on either side stops the gradient. */
const cast = (c: RuleContext, to: number) => {
  const from = c.type(c.input(0)).type;
  if (!isFloatingPoint(from) || !isFloatingPoint(to)) return [undefined];
  return [from === to ? c.dy : c.op('Cast', [c.dy], { to: from })];
};

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
  // y = a − b·trunc(a/b): da = dy, db = −dy·trunc(a/b)
  Mod: (c) => [
    c.broadcast(c.dy),
    c.when(1, () => {
      const m = arithmetic(c);
      return c.broadcast(m.mul(c.dy, m.div(m.sub(c.output(), c.input(0)), c.input(1))));
    }),
  ],
  Sum: (c) => c.node.input.map(() => c.broadcast(c.dy)),
  Mean: (c) => {
    const share = c.op('Mul', [c.dy, c.scalar(1 / c.node.input.length)]);
    return c.node.input.map(() => c.broadcast(share));
  },
  Max: extreme,
  Min: extreme,
  Pow: pow,
  Clip: clip,
  Where: where,
  Neg: (c) => [c.op('Neg', [c.dy])],
  Abs: derivative((m, x) => m.sign(x)),
  Exp: derivative((_, __, y) => y),
  Log: (c) => [c.op('Div', [c.dy, c.input(0)])],
  Sqrt: (c) => [c.op('Div', [c.dy, c.op('Mul', [c.scalar(2), c.output()])])],
  Reciprocal: derivative((m, _, y) => m.neg(m.square(y))),
  Relu: (c) => [c.op('ReluGrad', [c.dy, c.output()], {}, { domain: microsoft })],
  // Linear in dy; y decides by its sign alone.
  [`${microsoft}:ReluGrad`]: (c) => [c.op('ReluGrad', [c.dy, c.input(1)], {}, { domain: microsoft })],
  Sigmoid: (c) => [c.op('SigmoidGrad', [c.dy, c.output()], {}, { domain: microsoft })],
  Tanh: (c) => [c.op('TanhGrad', [c.dy, c.output()], {}, { domain: microsoft })],
  Cast: (c) => cast(c, intAttribute(c.node, 'to', DataType.float)),
  CastLike: (c) => cast(c, c.type(c.input(1)).type),
};
