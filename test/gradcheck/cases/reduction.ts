import { type Attributes, type GradientCase, single, type Values, wrt } from '../case.js';

const dims = [2, 3, 4];

/** Over axes that are absent, a list, or for ReduceSum a constant input. */
const reduce = (
  opType: string,
  values: Values,
  name: string,
  x: readonly number[],
  axes: readonly number[] | undefined,
  attributes: Attributes,
): GradientCase => ({
  name: `${opType} ${name}`,
  inputs: { x: wrt(x, values) },
  build: (builder) =>
    opType === 'ReduceSum'
      ? builder.op(opType, axes ? ['x', builder.ints(axes)] : ['x'], attributes)
      : builder.op(opType, ['x'], { axes, ...attributes }),
});

/** The form of opset 18 on. */
const withAxesInput = (
  opType: string,
  values: Values,
  name: string,
  axes: readonly number[],
  attributes: Attributes,
): GradientCase => ({
  name: `${opType} with axes ${name}`,
  inputs: { x: wrt(dims, values) },
  build: (builder) => builder.op(opType, ['x', builder.ints(axes)], attributes),
  opset: 18,
});

const operators: readonly [opType: string, values: Values][] = [
  ['ReduceSum', 'normal'],
  ['ReduceMean', 'normal'],
  ['ReduceMax', 'distinct'],
  ['ReduceMin', 'distinct'],
  ['ReduceSumSquare', 'normal'],
  ['ReduceProd', 'nonzero'],
  ['ReduceL1', 'nonzero'],
  ['ReduceL2', 'normal'],
  ['ReduceLogSum', 'positive'],
  ['ReduceLogSumExp', 'normal'],
];

const softmaxes = ['Softmax', 'LogSoftmax'].flatMap((opType) => [
  single(`${opType} by default`, opType, { x: wrt(dims) }),
  ...[0, 1, 2, -1, -2, -3].map((axis) =>
    single(`${opType} along axis ${axis}`, opType, { x: wrt(dims) }, { axis }),
  ),
  single(`${opType} of a vector`, opType, { x: wrt([5]) }),
  single(`${opType} of images along the channels`, opType, { x: wrt([2, 3, 2, 2]) }, { axis: 1 }),
  single(`${opType} of one class`, opType, { x: wrt([3, 1]) }),
  single(`${opType} of nothing`, opType, { x: wrt([0, 3]) }),
]);

export const reductionCases: GradientCase[] = [
  ...operators.flatMap(([opType, values]) =>
    [0, 1].flatMap((keepdims) => {
      const kept = `keepdims ${keepdims}`;
      const over = (name: string, axes: readonly number[] | undefined, x: readonly number[] = dims) =>
        reduce(opType, values, `${name}, ${kept}`, x, axes, { keepdims });
      return [
        over('over all axes', undefined),
        over('over the first axis', [0]),
        over('over the middle axis', [1]),
        over('over the last axis', [2]),
        over('over axis -1', [-1]),
        over('over axes 0 and -1', [0, -1]),
        over('over axes out of order', [2, 0]),
        over('over every axis by name', [0, 1, 2]),
        over('over an axis of one', [1], [3, 1, 2]),
        over('of a vector', [0], [5]),
      ];
    }),
  ),
  reduce('ReduceSum', 'normal', 'with noop_with_empty_axes and none', dims, undefined, {
    noop_with_empty_axes: 1,
  }),
  reduce('ReduceSum', 'normal', 'with noop_with_empty_axes and an empty list', dims, [], {
    noop_with_empty_axes: 1,
  }),
  reduce('ReduceSum', 'normal', 'with an empty list', dims, [], {}),
  reduce('ReduceSum', 'normal', 'with noop_with_empty_axes and an axis', dims, [1], {
    noop_with_empty_axes: 1,
  }),
  reduce('ReduceSum', 'normal', 'over an axis of none', [0, 3], [0], {}),
  ...operators.flatMap(([opType, values]) => [
    withAxesInput(opType, values, 'as an input', [0, -1], { keepdims: 0 }),
    withAxesInput(opType, values, 'as an input, kept', [1], {}),
    withAxesInput(opType, values, 'as an empty input', [], { keepdims: 0 }),
    withAxesInput(opType, values, 'as an empty input that means none', [], { noop_with_empty_axes: 1 }),
  ]),
  ...[
    ['no zero', [1, 2, 3, -1, 2, 0.5]],
    ['one zero', [0, 2, 3, -1, 0, 0.5]],
    ['two zeros', [0, 2, 0, -1, 2, 0]],
    ['zeros alone', [0, 0, 0, 0, 0, 1]],
  ].flatMap(([name, values]) => [
    reduce('ReduceProd', values as number[], `of rows with ${name}`, [2, 3], [1], {}),
    reduce('ReduceProd', values as number[], `of all with ${name}`, [2, 3], undefined, { keepdims: 0 }),
  ]),
  ...[
    single('LpNormalization by default', 'LpNormalization', { x: wrt(dims) }),
    ...[1, 2].flatMap((p) =>
      [0, 1, -1].map((axis) =>
        single(
          `LpNormalization of p ${p} along axis ${axis}`,
          'LpNormalization',
          { x: wrt(dims) },
          { p, axis },
        ),
      ),
    ),
    single('MeanVarianceNormalization by default', 'MeanVarianceNormalization', { x: wrt([2, 3, 2, 4]) }),
    single(
      'MeanVarianceNormalization over all axes',
      'MeanVarianceNormalization',
      { x: wrt([2, 3, 2, 4]) },
      { axes: [0, 1, 2, 3] },
    ),
  ],
  single('ReduceLogSumExp of large numbers', 'ReduceLogSumExp', { x: wrt([3], [100, 101, -100]) }),
  ...softmaxes,
];
