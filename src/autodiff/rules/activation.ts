import type { Arithmetic, Operand } from '../../onnx/arithmetic.js';
import { float, floatAttribute, stringAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { Rule, RuleContext } from '../rule.js';
import { arithmetic, derivative, passing } from './arithmetic.js';

const attribute = (c: RuleContext, name: string, fallback: number): number =>
  floatAttribute(c.node, name, fallback);

/** One slope where x ≤ 0, and where x > 0 another, by default 1. */
const byHalves = (
  left: (m: Arithmetic, y: string, c: RuleContext) => Operand,
  right: (c: RuleContext) => number = () => 1,
) => derivative((m, x, y, c) => m.where(m.greater(x, 0), right(c), left(m, y, c)));

/** The gradient op of a function of x + bias, where there is a bias. */
const biased =
  (gradient: string): Rule =>
  (c) => {
    const x = c.input(1) ? c.describe(c.op('Add', [c.input(0), c.input(1)]), c.type(c.output())) : c.input(0);
    const dx = c.broadcast(c.op(gradient, [c.dy, x], {}, { domain: microsoft }));
    return [dx, dx];
  };

/** y = x·σ(αx) */
const swish =
  (alpha: number): Rule =>
  (c) => {
    const attributes = { alpha: float(attribute(c, 'alpha', alpha)) };
    return [c.op('QuickGeluGrad', [c.dy, c.input(0)], attributes, { domain: microsoft })];
  };

const [gelu, tanhGelu] = [biased('GeluGrad'), biased('FastGeluGrad')];

/** Slope of x below 0 and at it; the slopes broadcast to x. */
const pRelu: Rule = (c) => {
  const m = arithmetic(c);
  const positive = m.greater(c.input(0), 0);
  return [
    c.when(0, () => m.mul(c.dy, m.where(positive, 1, c.input(1)))),
    c.when(1, () => c.broadcast(m.where(positive, 0, m.mul(c.dy, c.input(0))))),
  ];
};

const seluAlpha = 1.6732632;
const seluGamma = 1.050701;

export const activation: Record<string, Rule> = {
  // α·eˣ = y + α
  Elu: byHalves((m, y, c) => m.add(y, attribute(c, 'alpha', 1))),
  // γ·α·eˣ = y + γ·α
  Selu: byHalves(
    (m, y, c) => m.add(y, attribute(c, 'gamma', seluGamma) * attribute(c, 'alpha', seluAlpha)),
    (c) => attribute(c, 'gamma', seluGamma),
  ),
  // e^(x/α) = y/α + 1
  Celu: byHalves((m, y, c) => m.add(m.div(y, attribute(c, 'alpha', 1)), 1)),
  LeakyRelu: byHalves((_, __, c) => attribute(c, 'alpha', 0.01)),
  PRelu: pRelu,
  ThresholdedRelu: passing((m, x, c) => m.greater(x, attribute(c, 'alpha', 1))),
  Shrink: passing((m, x, c) => m.greater(m.abs(x), attribute(c, 'lambd', 0.5))),
  HardSigmoid: derivative((m, _, y, c) =>
    m.where(m.and(m.greater(y, 0), m.less(y, 1)), attribute(c, 'alpha', 0.2), 0),
  ),
  // 0 below −3, x/3 + ½ to 3, then 1
  HardSwish: derivative((m, x) =>
    m.where(m.less(x, 3), m.where(m.greater(x, -3), m.add(m.mul(x, 1 / 3), 0.5), 0), 1),
  ),
  Softplus: derivative((m, x) => m.sigmoid(x)),
  Softsign: derivative((m, x) => m.div(1, m.square(m.add(1, m.abs(x))))),
  // y = x·t, t = tanh(softplus x): t + x·(1 − t²)·σ(x)
  Mish: derivative((m, x, _, c) => {
    const t = m.tanh(c.op('Softplus', [x]));
    return m.add(t, m.mul(m.mul(x, m.sigmoid(x)), m.sub(1, m.square(t))));
  }),
  Swish: swish(1),
  [`${microsoft}:QuickGelu`]: swish(1.702),
  Gelu: (c) => (stringAttribute(c.node, 'approximate', 'none') === 'tanh' ? tanhGelu(c) : gelu(c)),
  [`${microsoft}:Gelu`]: gelu,
  [`${microsoft}:BiasGelu`]: gelu,
  [`${microsoft}:FastGelu`]: tanhGelu,
  Erf: derivative((m, x) => m.mul(2 / Math.sqrt(Math.PI), m.exp(m.neg(m.square(x))))),
};
