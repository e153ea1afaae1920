import { DataType, int64Data } from '../../../src/onnx/tensors/tensor.js';
import { fixed, type GradientCase, type InputSpec, single, wrt } from '../case.js';

const extremes = ['Max', 'Min'].flatMap((opType) => [
  single(`${opType} of one`, opType, { a: wrt([2, 3]) }),
  single(`${opType} of two`, opType, { a: wrt([2, 3]), b: wrt([2, 3]) }),
  single(`${opType} of three, broadcast`, opType, { a: wrt([2, 1]), b: wrt([3]), c: wrt([2, 3]) }),
  single(`${opType} with a constant scalar`, opType, { a: wrt([2, 3, 4], 'nonzero'), b: fixed([], [0]) }),
  single(`${opType} of four of different ranks`, opType, {
    a: wrt([]),
    b: wrt([4]),
    c: wrt([3, 1]),
    d: wrt([2, 1, 4]),
  }),
  single(`${opType} of nothing`, opType, { a: wrt([0, 3]), b: wrt([3]) }),
]);

const inputs = { x: wrt([3, 4], 'distinct') };
const clip = (name: string, low: number | undefined, high: number | undefined): GradientCase => ({
  name: `Clip with ${name}`,
  inputs,
  build: (builder) => {
    const bound = (value: number | undefined) => (value === undefined ? '' : builder.scalar(value));
    const bounds = [bound(low), bound(high)];
    return builder.op('Clip', [
      'x',
      ...(high === undefined ? bounds.slice(0, low === undefined ? 0 : 1) : bounds),
    ]);
  },
});

const where = (
  name: string,
  condition: readonly number[],
  x: readonly number[],
  y: readonly number[],
): GradientCase => ({
  name: `Where ${name}`,
  inputs: { choose: fixed(condition, 'nonzero'), x: wrt(x), y: wrt(y) },
  build: (builder) => builder.op('Where', [builder.op('Greater', ['choose', builder.scalar(0)]), 'x', 'y']),
});

const power = (name: string, exponent: number, x: InputSpec): GradientCase => ({
  name: `Pow ${name}`,
  inputs: { x },
  build: (builder) => builder.op('Pow', ['x', builder.scalar(exponent)]),
});

const signed = wrt([2, 3], 'nonzero');

export const choiceCases: GradientCase[] = [
  ...extremes,
  ...[1, 2, 3].map((count) =>
    single(
      `Mean of ${count}`,
      'Mean',
      Object.fromEntries([wrt([2, 3]), wrt([3]), wrt([2, 1])].slice(0, count).map((x, i) => [`x${i}`, x])),
    ),
  ),
  clip('two bounds', -0.1, 0.1),
  clip('a lower bound', 0, undefined),
  clip('an upper bound', undefined, 0.05),
  clip('no bound', undefined, undefined),
  {
    name: 'Clip with bounds that are learned',
    inputs: { ...inputs, low: wrt([], [-0.11]), high: wrt([], [0.16]) },
    build: (builder) => builder.op('Clip', ['x', 'low', 'high']),
  },
  where('of one shape', [2, 3], [2, 3], [2, 3]),
  where('with a condition for each row', [2, 1], [2, 3], [2, 3]),
  where('broadcast from every side', [3, 1], [2, 1, 1], [4]),
  where('with a scalar', [2, 3], [2, 3], []),
  where('of nothing', [0, 3], [0, 3], [3]),
  {
    name: 'Where as a mask of attention scores',
    inputs: { scores: wrt([2, 4, 4]) },
    build: (builder) => {
      const all = builder.constant('bool', [4, 4], new Uint8Array(16).fill(1));
      const causal = builder.op('Trilu', [all], { upper: 0 });
      return builder.op('Softmax', [builder.op('Where', [causal, 'scores', builder.scalar(-1e9)])]);
    },
  },
  ...[-2, -1, 0, 1, 2, 3, 4].map((n) => power(`of signed numbers with exponent ${n}`, n, signed)),
  ...[-1.5, 0.5, 1.5].map((n) => power(`of positive numbers with exponent ${n}`, n, wrt([2, 3], 'positive'))),
  ...[0, 1, 2, 3].map((n) => power(`of zeros with exponent ${n}`, n, wrt([2, 2], [0, 0, 1, -1]))),
  {
    name: 'Pow of zeros and signed numbers with a tensor of exponents',
    inputs: { x: wrt([2, 4], [0, 0, 0, 0, -2, -1, 1, 2]) },
    build: (builder) => builder.op('Pow', ['x', builder.constant('float', [4], Float32Array.of(0, 1, 2, 3))]),
  },
  {
    name: 'Pow with integer exponents of a tensor',
    inputs: { x: wrt([2, 3], 'nonzero') },
    build: (builder) => builder.op('Pow', ['x', builder.constant('int64', [3], int64Data([0, 2, 5]))]),
  },
  {
    name: 'Pow of zero in its exponent',
    inputs: { x: fixed([2], [0, 2]), exponent: wrt([2], [1.5, 1.5]) },
    build: (builder) => builder.op('Pow', ['x', 'exponent']),
  },
  single(
    'Mod with fmod',
    'Mod',
    { a: wrt([4], [5.3, -5.3, 0.7, 7.9]), b: wrt([4], [2, 3, 2, -2.5]) },
    { fmod: 1 },
  ),
  single(
    'Mod with fmod, broadcast',
    'Mod',
    { a: wrt([2, 2], [5.3, -5.3, 0.7, 7.9]), b: wrt([], [2]) },
    { fmod: 1 },
  ),
  single('CastLike', 'CastLike', { x: wrt([2, 3]), like: fixed([1]) }),
  {
    name: 'CastLike to double and back',
    inputs: { x: wrt([2, 3]) },
    build: (builder) => {
      const wide = builder.op('CastLike', ['x', builder.scalar(0, DataType.double)]);
      return builder.op('CastLike', [builder.op('Mul', [wide, wide]), 'x']);
    },
  },
];
