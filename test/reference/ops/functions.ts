import { floatAttribute, stringAttribute } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import type { Node } from '../../../src/onnx/proto.js';
import { binary, unary, zip } from './map.js';
import type { Op, OpTable } from './op.js';

/** 2/√π·e^(−x²)·Σ (2x²)ⁿ·x/(1·3·…·(2n+1)): all terms of one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.log1p(Math.exp(x));
const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
const tanhGelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** A function with parameters: attributes by name, with their defaults. */
const parametric = <Name extends string>(
  defaults: Readonly<Record<Name, number>>,
  compute: (x: number, parameters: Record<Name, number>) => number,
): Op =>
  unary((x, node: Node) => {
    const read = Object.entries<number>(defaults).map(([name, value]) => [
      name,
      floatAttribute(node, name, value),
    ]);
    return compute(x, Object.fromEntries(read));
  });

const swish = (alpha: number) => parametric({ alpha }, (x, p) => x * sigmoid(p.alpha * x));

/** Of x + bias, where there is a bias. */
const biased =
  (compute: (x: number) => number): Op =>
  ([x, bias]) => {
    const { dims, data } = bias ? zip(x!, bias, (a, b) => a + b) : x!;
    return [{ dims, data: data.map(compute) }];
  };

export const functions: OpTable = {
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tan: unary(Math.tan),
  Asin: unary(Math.asin),
  Acos: unary(Math.acos),
  Atan: unary(Math.atan),
  Sinh: unary(Math.sinh),
  Cosh: unary(Math.cosh),
  Asinh: unary(Math.asinh),
  Acosh: unary(Math.acosh),
  Atanh: unary(Math.atanh),
  Erf: unary(erf),
  Elu: parametric({ alpha: 1 }, (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x))),
  Selu: parametric({ alpha: 1.6732632, gamma: 1.050701 }, (x, { alpha, gamma }) =>
    x > 0 ? gamma * x : gamma * alpha * Math.expm1(x),
  ),
  Celu: parametric({ alpha: 1 }, (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x / alpha))),
  LeakyRelu: parametric({ alpha: 0.01 }, (x, { alpha }) => (x > 0 ? x : alpha * x)),
  PRelu: binary((x, slope) => (x > 0 ? x : slope * x)),
  ThresholdedRelu: parametric({ alpha: 1 }, (x, { alpha }) => (x > alpha ? x : 0)),
  Shrink: parametric({ lambd: 0.5, bias: 0 }, (x, { lambd, bias }) =>
    Math.abs(x) > lambd ? x - Math.sign(x) * bias : 0,
  ),
  HardSigmoid: parametric({ alpha: 0.2, beta: 0.5 }, (x, { alpha, beta }) =>
    Math.max(0, Math.min(1, alpha * x + beta)),
  ),
  HardSwish: unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  Swish: swish(1),
  Gelu: unary((x, node) => (stringAttribute(node, 'approximate', 'none') === 'tanh' ? tanhGelu : gelu)(x)),
  [`${microsoft}:QuickGelu`]: swish(1.702),
  [`${microsoft}:Gelu`]: unary(gelu),
  [`${microsoft}:BiasGelu`]: biased(gelu),
  [`${microsoft}:FastGelu`]: biased(tanhGelu),
};
