import test from 'ava';
import { flatmin, standard } from '../../src/lowering/targets.js';
import { float } from '../../src/onnx/attributes.js';
import type { GraphBuilder } from '../../src/onnx/builder.js';
import { int64Data } from '../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../src/ort/library.js';
import { evaluate } from '../reference/evaluate.js';
import { filled, ndArray } from '../reference/nd-array.js';
import { type Attributes, buildCase, type GradientCase, wrt } from './case.js';
import { runGradient } from './gradient-graph.js';

const runtime = openRuntime('stock');

/** Gradients at a point where there is no derivative, or where formulas divide by zero: what flatmin settles on. */
interface Convention {
  name: string;
  x: readonly number[];
  build: (builder: GraphBuilder) => string;
  /** Gradient of the sum of the outputs. */
  gradient: readonly number[];
  opset?: number;
}

const of =
  (opType: string, attributes = {}) =>
  (builder: GraphBuilder) =>
    builder.op(opType, ['x'], attributes);
/** An op over one channel of a line. */
const pooled = (opType: string, attributes: Attributes) => (builder: GraphBuilder) =>
  builder.op(opType, [builder.op('Reshape', ['x', builder.ints([1, 1, -1])])], attributes);
const against =
  (opType: string, ...values: number[]) =>
  (builder: GraphBuilder) =>
    builder.op(opType, ['x', ...values.map((value) => builder.scalar(value))]);

/**
 * Gradients of Σ weight·y by four elements and seven updates of them, by torch.scatter_reduce(…, include_self=True) of PyTorch 2: see
 * test/fixtures/scatter-reduce/make.py.
 */
const withZeros = [2, 0, 3, 1, 2, 5, 5, 0, 3, 0, 0];
const withTies = [2, 0, 3, 1, 2, 5, -5, 3, 3, 0, 7];
const scattered: readonly Convention[] = (
  [
    ['max', withZeros, [0.5, 0, 1.5, 4, 0.5, 1, 1, 0, 1.5, 0, 0]],
    ['min', withZeros, [0.5, 2, 0, 0, 0.5, 0, 0, 3, 0, 2, 2]],
    ['mul', withZeros, [2, 50, 0, 0, 2, 0, 0, 27, 0, 0, 0]],
    ['max', withTies, [0.5, 0, 1, 0, 0.5, 2, 0, 1, 1, 0, 4]],
    ['min', withTies, [0.5, 0, 1, 0, 0.5, 0, 2, 1, 1, 4, 0]],
    ['mul', withTies, [2, -50, 27, 0, 2, 0, 0, 27, 27, 28, 0]],
  ] as const
).flatMap(([reduction, x, gradient]) =>
  (['ScatterElements', 'ScatterND'] as const).map(
    (op): Convention => ({
      name: `${op} by ${reduction} of ${x === withZeros ? 'zeros' : 'ties'} shares as PyTorch does`,
      x,
      gradient,
      opset: 18,
      build: (builder) => {
        const [data, updates] = builder.ops('Split', ['x', builder.ints([4, 7])], { axis: 0 }, { count: 2 });
        const dims = op === 'ScatterND' ? [7, 1] : [7];
        const places = builder.constant('int64', dims, int64Data([0, 1, 1, 2, 2, 3, 3]));
        const y = builder.op(op, [data!, places, updates!], { reduction });
        return builder.op('Mul', [y, builder.constant('float', [4], Float32Array.of(1, 2, 3, 4))]);
      },
    }),
  ),
);

const conventions: readonly Convention[] = [
  { name: 'Abs is flat at zero', x: [0, -2], build: of('Abs'), gradient: [0, -1] },
  { name: 'Relu is flat at zero', x: [0, 2], build: of('Relu'), gradient: [0, 1] },
  {
    name: 'LeakyRelu has its left slope at zero',
    x: [0],
    build: of('LeakyRelu', { alpha: float(0.25) }),
    gradient: [0.25],
  },
  {
    name: 'Elu has its left slope at zero',
    x: [0],
    build: of('Elu', { alpha: float(0.5) }),
    gradient: [0.5],
  },
  {
    name: 'ThresholdedRelu is flat at its threshold',
    x: [1, 1.5],
    build: of('ThresholdedRelu'),
    gradient: [0, 1],
  },
  { name: 'Shrink is flat at its threshold', x: [-0.5, 0.5, 1], build: of('Shrink'), gradient: [0, 0, 1] },
  {
    name: 'HardSigmoid is flat at its corners',
    x: [-2.5, 2.5, 0],
    build: of('HardSigmoid'),
    gradient: [0, 0, Math.fround(0.2)],
  },
  {
    name: 'HardSwish has its outer slopes at its corners',
    x: [-3, 3],
    build: of('HardSwish'),
    gradient: [0, 1],
  },
  {
    name: 'Clip lets its bounds through',
    x: [-1, 0, 1, 2],
    build: against('Clip', -1, 1),
    gradient: [1, 1, 1, 0],
  },
  { name: 'Max shares a tie', x: [0, 1, -1], build: against('Max', 0), gradient: [0.5, 1, 0] },
  {
    name: 'Min of three shares a tie',
    x: [0, 1, -1],
    build: against('Min', 0, 0),
    gradient: [Math.fround(1 / 3), 0, 1],
  },
  {
    name: 'ReduceMax shares a tie',
    x: [2, 1, 2, 2],
    build: of('ReduceMax'),
    gradient: [1, 0, 1, 1].map((hit) => Math.fround(hit / 3)),
  },
  { name: 'ReduceMin shares a tie', x: [1, 1, 2], build: of('ReduceMin'), gradient: [0.5, 0.5, 0] },
  {
    name: 'TopK gives a tie to the element that it took',
    x: [3, 3, 1],
    build: (builder) => builder.ops('TopK', ['x', builder.ints([1])], {}, { count: 2 })[0]!,
    gradient: [1, 0, 0],
  },
  { name: 'ReduceL1 is flat at zero', x: [0, -2], build: of('ReduceL1'), gradient: [0, -1] },
  { name: 'ReduceL2 of zeros is flat', x: [0, 0], build: of('ReduceL2'), gradient: [0, 0] },
  ...[2, 3].flatMap((p) => [
    {
      name: `LpPool of p ${p} of zeros is flat`,
      x: [0, 0, 0, 1],
      build: pooled('LpPool', { kernel_shape: [2], strides: [2], p }),
      gradient: [0, 0, 0, 1],
    },
    {
      name: `GlobalLpPool of p ${p} of zeros is flat`,
      x: [0, 0],
      build: pooled('GlobalLpPool', { p }),
      gradient: [0, 0],
    },
  ]),
  { name: 'LpNormalization of zeros is flat', x: [0, 0], build: of('LpNormalization'), gradient: [0, 0] },
  {
    name: 'LpNormalization of p 1 of zeros is flat',
    x: [0, 0],
    build: of('LpNormalization', { p: 1 }),
    gradient: [0, 0],
  },
  { name: 'Pow of zero with exponent 0 is flat', x: [0, 2], build: against('Pow', 0), gradient: [0, 0] },
  { name: 'Pow of zero with exponent 1', x: [0, -2], build: against('Pow', 1), gradient: [1, 1] },
  { name: 'Pow of zero with exponent 2', x: [0, -2], build: against('Pow', 2), gradient: [0, -4] },
  { name: 'Pow of zero with exponent 3', x: [0, -2], build: against('Pow', 3), gradient: [0, 12] },
  { name: 'Pow of zero with exponent 1.5', x: [0, 4], build: against('Pow', 1.5), gradient: [0, 3] },
  { name: 'Mish far from zero', x: [-100, 100], build: of('Mish'), gradient: [0, 1], opset: 18 },
  { name: 'Softplus far from zero', x: [-200, 200], build: of('Softplus'), gradient: [0, 1] },
  {
    name: 'Gelu far from zero',
    x: [-200, 200],
    build: of('Gelu', { approximate: 'tanh' }),
    gradient: [0, 1],
    opset: 20,
  },
  {
    name: 'Where hides what is not finite',
    x: [0, 4],
    build: (builder) => {
      const positive = builder.op('Greater', ['x', builder.scalar(0)]);
      const safe = builder.op('Where', [positive, 'x', builder.scalar(1)]);
      return builder.op('Where', [positive, builder.op('Sqrt', [safe]), builder.scalar(0)]);
    },
    gradient: [0, 0.25],
  },
  ...scattered,
];

for (const { name, x, build, gradient, opset } of conventions) {
  test(name, async (t) => {
    const gradientCase: GradientCase = { name, inputs: { x: wrt([x.length], x) }, build, opset };
    const feeds = { x: ndArray([x.length], x) };
    const { builder, output } = buildCase(gradientCase);
    const ones = filled(evaluate(builder.graph, feeds).get(output)!.dims, 1);
    for (const target of [standard, flatmin]) {
      const run = await runGradient(runtime, target, gradientCase, feeds, ones);
      // + 0 makes a zero of either sign the same.
      t.deepEqual(
        [...run.gradients.get('x')!.data].map((value) => value + 0),
        [...gradient],
      );
    }
  });
}
