import { float } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import { type Attributes, type GradientCase, type InputSpec, single, type Values, wrt } from '../case.js';

/** Values away from the kinks at ±0.5, ±1, ±2.5 and ±3, on every side of them. */
const around = [-3.6, -2.9, -2.2, -1.4, -0.8, -0.3, 0.2, 0.7, 1.3, 2.1, 2.8, 3.7];
const within = [-0.9, -0.6, -0.2, 0.1, 0.5, 0.8];
const above = [1.2, 1.5, 2, 2.7, 4, 9];

const casesOf = (
  opType: string,
  values: Values,
  dims: readonly number[],
  attributes: readonly (readonly [name: string, attributes: Attributes])[] = [],
  opset = 17,
): GradientCase[] => [
  ...[['by default', {}] as const, ...attributes].map(([name, given]) => ({
    ...single(`${opType} ${name}`, opType, { x: wrt(dims, values) }, given),
    opset,
  })),
  { ...single(`${opType} of a scalar`, opType, { x: wrt([], [opType === 'Acosh' ? 1.4 : 0.4]) }), opset },
  { ...single(`${opType} of nothing`, opType, { x: wrt([0, 3], 'normal') }), opset },
];

const contrib = (
  name: string,
  opType: string,
  inputs: Readonly<Record<string, InputSpec>>,
  attributes: Attributes = {},
): GradientCase => ({
  name: `${opType} of com.microsoft ${name}`,
  inputs,
  build: (builder) => builder.op(opType, Object.keys(inputs), attributes, { domain: microsoft }),
});

const pRelu = (name: string, x: readonly number[], slope: readonly number[]): GradientCase =>
  single(`PRelu with ${name}`, 'PRelu', { x: wrt(x, 'nonzero'), slope: wrt(slope) });

const alpha = (value: number) => ({ alpha: float(value) });

export const functionCases: GradientCase[] = [
  ...['Sin', 'Cos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Erf', 'Softplus', 'Softsign'].flatMap((opType) =>
    casesOf(opType, 'normal', [2, 3, 4]),
  ),
  ...['Tan', 'Asin', 'Acos', 'Atanh'].flatMap((opType) => casesOf(opType, within, [2, 3])),
  ...casesOf('Acosh', above, [2, 3]),
  ...casesOf('Elu', around, [3, 4], [['with alpha', alpha(0.3)]]),
  ...casesOf('Celu', around, [3, 4], [['with alpha', alpha(2.5)]]),
  ...casesOf('Selu', around, [3, 4], [['with alpha and gamma', { ...alpha(1.2), gamma: float(0.7) }]]),
  ...casesOf(
    'LeakyRelu',
    around,
    [3, 4],
    [
      ['with alpha', alpha(0.3)],
      ['with a negative alpha', alpha(-0.5)],
      ['with alpha 0', alpha(0)],
    ],
  ),
  ...casesOf('ThresholdedRelu', around, [3, 4], [['with alpha', alpha(2.5)]]),
  ...casesOf(
    'Shrink',
    around,
    [3, 4],
    [
      ['with lambd', { lambd: float(1) }],
      ['with lambd and bias', { lambd: float(2.5), bias: float(0.4) }],
    ],
  ),
  ...casesOf(
    'HardSigmoid',
    around,
    [3, 4],
    [['with alpha and beta', { alpha: float(1 / 3), beta: float(0.5) }]],
  ),
  ...casesOf('HardSwish', around, [3, 4]),
  ...casesOf('Mish', 'normal', [2, 3, 4], [], 18),
  ...casesOf('Swish', 'normal', [2, 3, 4], [['with alpha', alpha(1.7)]], 24),
  ...casesOf(
    'Gelu',
    'normal',
    [2, 3, 4],
    [
      ['exact', { approximate: 'none' }],
      ['by tanh', { approximate: 'tanh' }],
    ],
    20,
  ),
  { ...single('Gelu far from 0', 'Gelu', { x: wrt([6], [-30, -8, -4, 4, 8, 30]) }), opset: 20 },
  ...['Gelu', 'QuickGelu', 'FastGelu'].map((opType) => contrib('by default', opType, { x: wrt([2, 3, 4]) })),
  contrib('with alpha', 'QuickGelu', { x: wrt([2, 3]) }, alpha(0.9)),
  contrib('with a bias', 'FastGelu', { x: wrt([2, 3, 4]), bias: wrt([4]) }),
  contrib('', 'BiasGelu', { x: wrt([2, 3, 4]), bias: wrt([4]) }),
  pRelu('a slope for each element', [2, 3], [2, 3]),
  pRelu('one slope', [2, 3, 4], [1]),
  pRelu('a slope for each channel', [2, 3, 4, 2], [3, 1, 1]),
  pRelu('a slope for each column', [2, 3, 4], [4]),
];
