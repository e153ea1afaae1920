import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { DataType, int64Data } from '../../../src/onnx/tensors/tensor.js';
import { type GradientCase, type Values, wrt } from '../case.js';

const noDouble = new Set(['Cos', 'Sin']);
const noDoubleGradient = new Set(['LogSoftmax', 'Relu', 'Softmax']);
const noKernel = (what: string) =>
  `the training build of ONNX Runtime 1.28 has no kernel of ${what} for double`;

const inDouble = (
  name: string,
  build: (builder: GraphBuilder, x: string) => string,
  values: Values = 'nonzero',
): GradientCase => ({
  name: `${name} in double`,
  inputs: { x: wrt([3, 4], values) },
  build: (builder) => {
    const wide = builder.op('Cast', ['x'], { to: DataType.double });
    return builder.op('Cast', [build(builder, wide)], { to: DataType.float });
  },
  ...(noDouble.has(name) && { unsupported: { 'training build': noKernel('it') } }),
  ...(noDoubleGradient.has(name) && { unsupported: { training: noKernel('its gradient') } }),
});

/** Constants and zeros that a rule makes have the type of its values. */
export const doubleCases: GradientCase[] = [
  ...[
    'Abs',
    'Relu',
    'Sigmoid',
    'Tanh',
    'Exp',
    'Reciprocal',
    'Sin',
    'Cos',
    'LeakyRelu',
    'Shrink',
    'ReduceSum',
    'ReduceMean',
    'ReduceProd',
    'ReduceMax',
    'ReduceL2',
    'ReduceLogSumExp',
    'LpNormalization',
    'Softmax',
    'LogSoftmax',
  ].map((opType) => inDouble(opType, (builder, x) => builder.op(opType, [x]))),
  ...['Log', 'Sqrt', 'ReduceLogSum'].map((opType) =>
    inDouble(opType, (builder, x) => builder.op(opType, [x]), 'positive'),
  ),
  inDouble('Pow', (builder, x) => builder.op('Pow', [x, builder.scalar(3, DataType.double)])),
  inDouble('Max', (builder, x) => builder.op('Max', [x, builder.scalar(0.2, DataType.double)])),
  inDouble('Clip', (builder, x) => builder.op('Clip', [x, builder.scalar(-0.2, DataType.double)])),
  inDouble('Gather', (builder, x) => builder.op('Gather', [x, builder.ints([2, 0, 2])])),
  inDouble('TopK', (builder, x) => builder.ops('TopK', [x, builder.ints([2])], {}, { count: 2 })[0]!),
  inDouble('Slice backwards', (builder, x) =>
    builder.op('Slice', [x, builder.ints([-1]), builder.ints([0]), builder.ints([1]), builder.ints([-2])]),
  ),
  inDouble('Split', (builder, x) => builder.ops('Split', [x], {}, { count: 3 })[1]!),
  inDouble('CumSum', (builder, x) =>
    builder.op('CumSum', [x, builder.constant('int64', [], int64Data([1]))], { exclusive: 1 }),
  ),
  inDouble('Dropout', (builder, x) => builder.op('Dropout', [x])),
];
