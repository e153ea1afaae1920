import { float } from '../../../src/onnx/attributes.js';
import type { NetworkBuilder, Step } from './network-builder.js';
import { joined, type Value } from './shapes.js';

const UNARY = [
  ...[
    'Abs',
    'Atan',
    'Asinh',
    'Celu',
    'Cos',
    'Elu',
    'Erf',
    'HardSigmoid',
    'HardSwish',
    'Identity',
    'LeakyRelu',
  ],
  ...['Neg', 'Relu', 'Selu', 'Sigmoid', 'Sin', 'Softplus', 'Softsign', 'Tanh', 'ThresholdedRelu'],
];
/** Ops that are smooth where what is behind a tanh or a sigmoid, scaled, can lie. */
const OF_PARTS: Readonly<Record<string, readonly string[]>> = {
  Tanh: ['Asin', 'Acos', 'Atanh', 'Exp', 'Sinh', 'Cosh', 'Tan'],
  Sigmoid: ['Log', 'Sqrt', 'Reciprocal'],
};

const same = (net: NetworkBuilder, { name, dims }: Value, opType: string, attributes = {}): Value => ({
  name: net.op(opType, [name], attributes),
  dims,
});

/** A shape that broadcasts to this one. */
function part({ draw }: NetworkBuilder, dims: readonly number[]): number[] {
  const made = dims.map((size) => (draw.chance(0.4) ? 1 : size));
  return draw.chance(0.5) ? made.slice(draw.integer(0, dims.length)) : made;
}

/** A weight, or a value of before, that broadcasts with a shape. */
function operand(net: NetworkBuilder, dims: readonly number[]): Value {
  const fits = net.values.filter(
    (value) =>
      value.dims.length <= dims.length &&
      value.dims.every((size, axis) => [1, dims[dims.length - value.dims.length + axis]].includes(size)),
  );
  if (fits.length > 0 && net.draw.chance(0.5)) return net.draw.pick(fits);
  const own = part(net, dims);
  return { name: net.weight(own), dims: own };
}

function either(net: NetworkBuilder, opType: string, a: Value, b: Value): Value {
  const [left, right] = net.draw.chance(0.5) ? [a, b] : [b, a];
  return { name: net.op(opType, [left.name, right.name]), dims: joined(a.dims, b.dims) };
}

export const elementwise: Readonly<Record<string, Step>> = {
  unary: (net, value) => same(net, value, net.draw.pick(net.opset >= 18 ? [...UNARY, 'Mish'] : UNARY)),
  'unary with attributes'(net, value) {
    const alpha = float(net.draw.uniform(0.1, 1.5));
    const opType = net.draw.pick(['Elu', 'LeakyRelu', 'Celu', 'HardSigmoid', 'Selu', 'ThresholdedRelu']);
    return same(net, value, opType, { alpha });
  },
  'of a part'(net, value) {
    const [by, ops] = net.draw.pick(Object.entries(OF_PARTS));
    const scaled = net.op('Mul', [net.op(by, [value.name]), net.number(0.8)]);
    const shifted = by === 'Tanh' ? scaled : net.op('Add', [scaled, net.number(0.3)]);
    return { name: net.op(net.draw.pick(ops), [shifted]), dims: value.dims };
  },
  binary: (net, value) =>
    either(
      net,
      net.draw.pick(['Add', 'Sub', 'Mul', 'Max', 'Min', 'Mean', 'Sum']),
      value,
      operand(net, value.dims),
    ),
  division(net, value) {
    const other = operand(net, value.dims);
    const positive = net.op('Add', [net.op('Softplus', [other.name]), net.number(0.5)]);
    return { name: net.op('Div', [value.name, positive]), dims: joined(value.dims, other.dims) };
  },
  power(net, value) {
    const exponent = net.draw.pick([2, 3, 1, 0.5, -1]);
    const base =
      Number.isInteger(exponent) && exponent > 0
        ? value.name
        : net.op('Add', [net.op('Softplus', [value.name]), net.number(0.5)]);
    return { name: net.op('Tanh', [net.op('Pow', [base, net.number(exponent)])]), dims: value.dims };
  },
  clip(net, value) {
    const [low, high] = [net.number(-1), net.number(0.7)];
    const bounds = net.draw.pick([[low, high], [low], ['', high]]);
    return { name: net.op('Clip', [value.name, ...bounds]), dims: value.dims };
  },
  PRelu: (net, { name, dims }) => ({ name: net.op('PRelu', [name, net.weight(part(net, dims))]), dims }),
  where(net, value) {
    const other = operand(net, value.dims);
    const dims = joined(value.dims, other.dims);
    const condition = net.op('Greater', [value.name, net.number(0.1)]);
    const inputs = net.draw.chance(0.5) ? [value.name, other.name] : [other.name, value.name];
    return { name: net.op('Where', [condition, ...inputs]), dims };
  },
  dropout: (net, value) => same(net, value, 'Dropout'),
  cast: (net, value) => same(net, value, 'Cast', { to: 1 }),
};
