import { float } from '../../../src/onnx/attributes.js';
import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { fixed, type GradientCase, labels, wrt } from '../case.js';

const pads = [1, 1, 1, 1];

const batchNorm = (builder: GraphBuilder, x: string, name: string): string =>
  builder.ops(
    'BatchNormalization',
    [x, `${name}_scale`, `${name}_bias`, `${name}_mean`, `${name}_variance`],
    { training_mode: 1, momentum: float(0.9) },
    { count: 3 },
  )[0]!;

const batchNormInputs = (name: string, channels: number) => ({
  [`${name}_scale`]: wrt([channels], 'positive'),
  [`${name}_bias`]: wrt([channels]),
  [`${name}_mean`]: fixed([channels]),
  [`${name}_variance`]: fixed([channels], 'positive'),
});

/** Networks in small: what a chain of rules must get right together. */
export const compositeCases: GradientCase[] = [
  {
    name: 'pre-activation residual block with a projected shortcut',
    inputs: {
      x: wrt([3, 2, 6, 6]),
      ...batchNormInputs('bn1', 2),
      w1: wrt([4, 2, 3, 3]),
      ...batchNormInputs('bn2', 4),
      w2: wrt([4, 4, 3, 3]),
      shortcut: wrt([4, 2, 1, 1]),
    },
    build: (builder) => {
      const strides = [2, 2];
      const active = builder.op('Relu', [batchNorm(builder, 'x', 'bn1')]);
      const inner = batchNorm(builder, builder.op('Conv', [active, 'w1'], { pads, strides }), 'bn2');
      const outer = builder.op('Conv', [builder.op('Relu', [inner]), 'w2'], { pads });
      return builder.op('Add', [outer, builder.op('Conv', [active, 'shortcut'], { strides })]);
    },
  },
  {
    name: 'small convolutional classifier',
    inputs: {
      x: fixed([4, 1, 8, 8]),
      w: wrt([3, 1, 3, 3]),
      b: wrt([3]),
      dense: wrt([48, 5]),
      offset: wrt([5]),
      y: labels([4], [4, 0, 2, 1]),
    },
    build: (builder) => {
      const features = builder.op('Relu', [builder.op('Conv', ['x', 'w', 'b'], { pads })]);
      const pooled = builder.op('MaxPool', [features], { kernel_shape: [2, 2], strides: [2, 2] });
      const flat = builder.op('Flatten', [pooled]);
      const scores = builder.op('Add', [builder.op('MatMul', [flat, 'dense']), 'offset']);
      return builder.op('SoftmaxCrossEntropyLoss', [scores, 'y']);
    },
  },
  {
    name: 'shortcut by average pooling and zero channels',
    inputs: { x: wrt([2, 2, 4, 4]), w: wrt([3, 2, 3, 3]) },
    build: (builder) => {
      const strides = [2, 2];
      const pooled = builder.op('AveragePool', ['x'], { kernel_shape: [2, 2], strides });
      const padded = builder.op('Pad', [pooled, builder.ints([0, 0, 0, 0, 0, 1, 0, 0])]);
      return builder.op('Add', [builder.op('Conv', ['x', 'w'], { pads, strides }), padded]);
    },
  },
  {
    name: 'multilayer perceptron with tanh and mean squared error',
    inputs: {
      x: wrt([4, 3]),
      w1: wrt([3, 6]),
      b1: wrt([6]),
      w2: wrt([6, 2]),
      b2: wrt([2]),
      target: fixed([4, 2]),
    },
    build: (builder) => {
      const hidden = builder.op('Tanh', [builder.op('Gemm', ['x', 'w1', 'b1'])]);
      const error = builder.op('Sub', [builder.op('Gemm', [hidden, 'w2', 'b2']), 'target']);
      return builder.op('ReduceMean', [builder.op('Mul', [error, error])], { keepdims: 0 });
    },
  },
  {
    name: 'global pooling head',
    inputs: { x: wrt([3, 4, 3, 3]), w: wrt([5, 4]), b: wrt([5]) },
    build: (builder) => {
      const pooled = builder.op('Flatten', [builder.op('GlobalAveragePool', ['x'])]);
      return builder.op('LogSoftmax', [builder.op('Gemm', [pooled, 'w', 'b'], { transB: 1 })]);
    },
  },
];
