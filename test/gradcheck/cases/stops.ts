import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { DataType, int64Data } from '../../../src/onnx/tensors/tensor.js';
import { type GradientCase, wrt } from '../case.js';

const x = [-2.3, -1.7, -0.6, 0.4, 1.4, 2.7];

/** x times something constant around x: its gradient is that constant. */
const stops = (name: string, factor: (builder: GraphBuilder) => string): GradientCase => ({
  name: `${name} stops the gradient`,
  inputs: { x: wrt([2, 3], x) },
  build: (builder) => builder.op('Mul', ['x', factor(builder)]),
});

const asFloat = (builder: GraphBuilder, value: string) => builder.op('Cast', [value], { to: DataType.float });
const half = (builder: GraphBuilder) => builder.scalar(0.5);

export const stopCases: GradientCase[] = [
  ...['Floor', 'Ceil', 'Round', 'Sign'].map((opType) => stops(opType, (b) => b.op(opType, ['x']))),
  ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'].map((opType) =>
    stops(opType, (b) => asFloat(b, b.op(opType, ['x', half(b)]))),
  ),
  ...['And', 'Or', 'Xor'].map((opType) =>
    stops(opType, (b) => {
      const sides = [b.op('Greater', ['x', half(b)]), b.op('Less', ['x', b.scalar(2)])];
      return asFloat(b, b.op(opType, sides));
    }),
  ),
  ...['IsNaN', 'IsInf'].map((opType) => stops(opType, (b) => asFloat(b, b.op('Not', [b.op(opType, ['x'])])))),
  ...['ArgMax', 'ArgMin'].flatMap((opType) => [
    stops(opType, (b) => asFloat(b, b.op(opType, ['x'], { axis: -1 }))),
    stops(`${opType} without its axis`, (b) => asFloat(b, b.op(opType, ['x'], { axis: 0, keepdims: 0 }))),
  ]),
  stops('Shape', (b) => asFloat(b, b.op('Slice', [b.op('Shape', ['x']), b.ints([1]), b.ints([2])]))),
  stops('Size', (b) => asFloat(b, b.op('Size', ['x']))),
  stops('OneHot', (b) => {
    const values = b.constant('float', [2], Float32Array.of(-1, 2));
    const best = b.op('ArgMax', ['x'], { axis: 1, keepdims: 0 });
    return b.op('OneHot', [best, b.constant('int64', [], int64Data([3])), values]);
  }),
];
