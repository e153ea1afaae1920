import { float } from '../../../src/onnx/attributes.js';
import { type Attributes, fixed, type GradientCase, wrt } from '../case.js';

const channels = 3;
const parameters = { scale: wrt([channels]), bias: wrt([channels]) };
const statistics = { mean: fixed([channels]), variance: fixed([channels], 'positive') };

/** Batch statistics; the running ones come out beside y. */
const training = (name: string, x: readonly number[], attributes: Attributes = {}): GradientCase => ({
  name: `BatchNormalization training ${name}`,
  inputs: { x: wrt(x), ...parameters, ...statistics },
  build: (builder) =>
    builder.ops(
      'BatchNormalization',
      ['x', 'scale', 'bias', 'mean', 'variance'],
      { training_mode: 1, ...attributes },
      {
        count: 3,
      },
    )[0]!,
});

const inference = (name: string, x: readonly number[], attributes: Attributes = {}): GradientCase => ({
  name: `BatchNormalization inference ${name}`,
  inputs: { x: wrt(x), ...parameters, ...statistics },
  build: (builder) =>
    builder.op('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance'], attributes),
});

/** ReLU behind it, and a branch around both: the sum of gradients is joined with the normalisation's own. */
const residual = (name: string, x: readonly number[]): GradientCase => ({
  name: `BatchNormalization inference, ReLU and a sum ${name}`,
  inputs: { x: wrt(x), ...parameters, ...statistics },
  build: (builder) => {
    const y = builder.op('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance']);
    return builder.op('Add', [builder.op('Relu', [y]), 'x']);
  },
});

export const normalizationCases: GradientCase[] = [
  training('of images', [4, channels, 3, 5]),
  training('of one image', [1, channels, 4, 4]),
  training('of vectors', [6, channels]),
  training('of sequences', [3, channels, 5]),
  training('of volumes', [2, channels, 2, 3, 2]),
  training('with its own epsilon and momentum', [4, channels, 3, 3], {
    epsilon: float(0.1),
    momentum: float(0.3),
  }),
  inference('of images', [4, channels, 3, 5]),
  inference('of vectors', [6, channels]),
  inference('with its own epsilon', [2, channels, 3], { epsilon: float(0.5) }),
  residual('of images', [4, channels, 3, 5]),
  residual('of longer rows', [2, channels, 7, 11]),
  {
    name: 'BatchNormalization training with inputs read twice',
    inputs: { x: wrt([4, channels, 2, 2]), ...parameters, ...statistics },
    build: (builder) => {
      const [y] = builder.ops(
        'BatchNormalization',
        ['x', 'scale', 'bias', 'mean', 'variance'],
        { training_mode: 1 },
        { count: 3 },
      );
      return builder.op('Mul', [y!, 'x']);
    },
  },
];
