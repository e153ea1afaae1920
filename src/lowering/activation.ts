import { Arithmetic } from '../onnx/arithmetic.js';
import { floatAttribute } from '../onnx/attributes.js';
import { microsoft } from '../onnx/domains.js';
import type { Lowering, LoweringContext } from './context.js';

/** dx = dy where y > 0, else 0 */
const relu: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  const zero = c.scalar(0, dy);
  c.define(0, 'Where', [c.op('Greater', [y, zero]), dy, zero]);
};

/** dx = dy·y·(1 − y) */
const sigmoid: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  c.define(0, 'Mul', [dy, c.op('Mul', [y, c.op('Sub', [c.scalar(1, y), y])])]);
};

/** dx = dy·(1 − y²) */
const tanh: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  c.define(0, 'Mul', [dy, c.op('Sub', [c.scalar(1, y), c.op('Mul', [y, y])])]);
};

/** Inputs dy and x, and d/dx as an expression. */
const derivative =
  (slope: (m: Arithmetic, x: string, c: LoweringContext) => string): Lowering =>
  (c) => {
    const m = new Arithmetic(c.builder, c.type(c.input(0)).type);
    c.define(0, 'Mul', [c.input(0), slope(m, c.input(1), c)]);
  };

/** d/dx x·Φ(x) = Φ(x) + x·φ(x), Φ and φ of the standard normal distribution. */
const gelu = derivative((m, x) => {
  const cumulative = m.mul(0.5, m.add(1, m.erf(m.mul(x, Math.SQRT1_2))));
  const density = m.mul(1 / Math.sqrt(2 * Math.PI), m.exp(m.mul(-0.5, m.square(x))));
  return m.add(cumulative, m.mul(x, density));
});

/** d/dx ½x·(1 + t), t = tanh(k·(x + 0.044715·x³)), k = √(2/π). Hendrycks and Gimpel 2016. */
const tanhGelu = derivative((m, x) => {
  const [k, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const squared = m.square(x);
  const t = m.tanh(m.mul(x, m.add(k, m.mul(k * cubic, squared))));
  const inner = m.mul(x, m.add(k / 2, m.mul(1.5 * k * cubic, squared)));
  return m.add(m.mul(0.5, m.add(1, t)), m.mul(inner, m.sub(1, m.square(t))));
});

/** d/dx x·σ(αx) = s·(1 + αx·(1 − s)), s = σ(αx) */
const quickGelu = derivative((m, x, c) => {
  const alpha = floatAttribute(c.node, 'alpha', 1.702);
  const scaled = alpha === 1 ? x : m.mul(x, alpha);
  const s = m.sigmoid(scaled);
  return m.mul(s, m.add(1, m.mul(scaled, m.sub(1, s))));
});

export const activation: Record<string, Lowering> = {
  [`${microsoft}:ReluGrad`]: relu,
  [`${microsoft}:SigmoidGrad`]: sigmoid,
  [`${microsoft}:TanhGrad`]: tanh,
  [`${microsoft}:GeluGrad`]: gelu,
  [`${microsoft}:FastGeluGrad`]: tanhGelu,
  [`${microsoft}:QuickGeluGrad`]: quickGelu,
};
