import { float } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import { type Attributes, fixed, type GradientCase, wrt } from '../case.js';

const of = (
  opType: string,
  name: string,
  inputs: GradientCase['inputs'],
  attributes: Attributes,
  names: readonly string[] = Object.keys(inputs),
): GradientCase => ({
  name: `${opType} ${name}`,
  inputs,
  build: (builder) => builder.op(opType, names, attributes, { domain: microsoft }),
});

const operands = { a: wrt([3, 4]), b: wrt([4, 5]), c: wrt([5]) };
const parameters = (values: Readonly<Record<string, number>>): Attributes =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`activation_${name}`, float(value)]));

const gemms: readonly (readonly [activation: string, values: Readonly<Record<string, number>>])[] = [
  ['Relu', {}],
  ['Sigmoid', {}],
  ['Tanh', {}],
  ['Softplus', {}],
  ['Softsign', {}],
  ['Elu', { alpha: 0.7 }],
  ['LeakyRelu', { alpha: 0.2 }],
  ['ThresholdedRelu', { alpha: 0.4 }],
  ['HardSigmoid', { alpha: 0.3, beta: 0.4 }],
  ['Selu', { alpha: 1.2, gamma: 0.9 }],
];

const images = { x: wrt([2, 3, 5, 5]), w: wrt([4, 3, 3, 3]), b: wrt([4]) };
const convs: readonly (readonly [activation: string, values: readonly number[]])[] = [
  ['Relu', []],
  ['Tanh', []],
  ['Sigmoid', []],
  ['LeakyRelu', [0.2]],
  ['Clip', [-1, 2]],
  ['HardSigmoid', [0.3, 0.4]],
];

export const fusedCases: GradientCase[] = [
  of(
    'FusedGemm',
    'Relu of a transposed weight, without C',
    { a: wrt([3, 4]), b: wrt([5, 4]) },
    {
      transB: 1,
      activation: 'Relu',
    },
  ),
  of(
    'FusedGemm',
    'Tanh, alpha and beta, both transposed',
    { a: wrt([4, 3]), b: wrt([5, 4]), c: wrt([3, 5]) },
    {
      ...{ transA: 1, transB: 1, alpha: float(0.5), beta: float(-1.5) },
      activation: 'Tanh',
    },
  ),
  ...gemms.map(([activation, values]) =>
    of('FusedGemm', activation, operands, { activation, ...parameters(values) }),
  ),
  ...convs.map(([activation, values]) =>
    of('FusedConv', activation, images, {
      ...{ pads: [1, 1, 1, 1], activation },
      ...(values.length > 0 && { activation_params: float(values) }),
    }),
  ),
  of('FusedConv', 'without an activation', images, { strides: [2, 2] }),
  of('FusedConv', 'Relu of a sum', { ...images, z: wrt([2, 4, 3, 3]) }, { activation: 'Relu' }),
  of(
    'FusedConv',
    'Relu of a sum, without a bias',
    { x: images.x, w: images.w, z: fixed([2, 4, 3, 3]) },
    { activation: 'Relu' },
    ['x', 'w', '', 'z'],
  ),
  of(
    'FusedConv',
    'Relu in groups',
    { x: wrt([2, 4, 5]), w: wrt([4, 2, 3]), b: wrt([4]) },
    {
      ...{ group: 2, activation: 'Relu' },
    },
  ),
  of('FusedMatMul', 'transBatchA', { a: wrt([3, 2, 4]), b: wrt([2, 4, 5]) }, { transBatchA: 1 }),
  of(
    'FusedMatMul',
    'transBatchA and transA',
    { a: wrt([4, 2, 3]), b: wrt([2, 4, 5]) },
    {
      ...{ transBatchA: 1, transA: 1, alpha: float(0.5) },
    },
  ),
  of(
    'FusedMatMul',
    'transBatchB and transB, two batch axes',
    { a: wrt([2, 3, 3, 4]), b: wrt([5, 2, 3, 4]) },
    {
      ...{ transBatchB: 1, transB: 1 },
    },
  ),
  of(
    'TransposeMatMul',
    'transA, alpha',
    { a: wrt([4, 3]), b: wrt([4, 5]) },
    { transA: 1, alpha: float(0.5) },
  ),
];
