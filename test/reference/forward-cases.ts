import { float } from '../../src/onnx/attributes.js';
import { DataType, int64Data, makeTensor } from '../../src/onnx/tensors/tensor.js';
import { fixed, type GradientCase, labels, single } from '../gradcheck/case.js';

const x = fixed([2, 3, 4]);

const withInts = (
  name: string,
  opType: string,
  constants: readonly (readonly number[])[],
  dims: readonly number[] = [2, 3, 4],
): GradientCase => ({
  name,
  inputs: { x: fixed(dims) },
  build: (builder) => builder.op(opType, ['x', ...constants.map((values) => builder.ints(values))]),
});

/** Operators that no gradient case reads, or reads in one form only. */
export const forwardCases: readonly GradientCase[] = [
  single('Pow', 'Pow', { x: fixed([2, 3], 'positive'), y: fixed([3]) }),
  withInts('Unsqueeze', 'Unsqueeze', [[0, 2, -1]], [2, 3]),
  single('Concat along the middle axis', 'Concat', { a: x, b: fixed([2, 1, 4]), c: x }, { axis: 1 }),
  withInts('Slice', 'Slice', [
    [0, 1],
    [1, 3],
    [1, 2],
  ]),
  withInts('Slice with negative bounds, clamped', 'Slice', [
    [-3, -100],
    [1000, -1],
    [2, 1],
  ]),
  withInts('Slice with steps', 'Slice', [
    [0, -1],
    [4, -100],
    [-1, 1],
    [3, -2],
  ]),
  withInts('Pad', 'Pad', [[0, 1, 2, 1, 0, 0]]),
  withInts('Pad by a negative amount', 'Pad', [[0, -1, 2, 1, 0, -1]]),
  {
    name: 'Pad with a value',
    inputs: { x },
    build: (builder) => builder.op('Pad', ['x', builder.ints([0, 1, 0, 0, 0, 1]), builder.scalar(1.5)]),
  },
  {
    name: 'Pad of given axes',
    inputs: { x },
    build: (builder) => builder.op('Pad', ['x', builder.ints([1, 0, 2, 1]), '', builder.ints([-1, 0])]),
    opset: 18,
  },
  withInts('Expand', 'Expand', [[2, 3, 1]], [3, 4]),
  withInts('Expand to fewer axes', 'Expand', [[4]], [2, 1]),
  single('Gather', 'Gather', { x, indices: labels([2], [1, 0]) }),
  single(
    'Gather of a grid from axis 1',
    'Gather',
    { x, indices: labels([2, 2], [0, -1, 2, 1]) },
    { axis: 1 },
  ),
  single('Gather of one', 'Gather', { x, indices: labels([], [-1]) }, { axis: -1 }),
  single('Clip to a band', 'Clip', { x, low: fixed([], [-0.5]), high: fixed([], [0.7]) }),
  single('Clip from below', 'Clip', { x, low: fixed([], [0]) }),
  {
    name: 'Clip from above',
    inputs: { x },
    build: (builder) => builder.op('Clip', ['x', '', builder.scalar(0.25)]),
  },
  {
    name: 'Where',
    inputs: { x: fixed([3]), y: fixed([2, 1]) },
    build: (builder) =>
      builder.op('Where', [builder.constant('bool', [2, 3], Uint8Array.of(1, 0, 1, 0, 0, 1)), 'x', 'y']),
  },
  {
    name: 'Cast to int64, bool and back',
    inputs: { x: fixed([5], [-1.7, -0.2, 0, 0.9, 2.5]) },
    build: (builder) => {
      const back = [DataType.int64, DataType.bool].map((to) =>
        builder.op('Cast', [builder.op('Cast', ['x'], { to })], { to: DataType.float }),
      );
      return builder.op('Concat', back, { axis: 0 });
    },
  },
  {
    name: 'Constant of every kind',
    inputs: { x: fixed([3]) },
    build: (builder) => {
      const tensor = builder.op('Constant', [], {
        value: { tensor: makeTensor('', 'float', [3], Float32Array.of(1, 2, 3)) },
      });
      const one = builder.op('Constant', [], { value_float: float(0.5) });
      const list = builder.op('Constant', [], { value_floats: float([4, 5, 6]) });
      const shape = builder.op('Constant', [], { value_ints: [1, 3] });
      const row = builder.op('Reshape', [builder.op('Add', ['x', tensor]), shape]);
      return builder.op('Add', [builder.op('Mul', [row, one]), list]);
    },
  },
  ...[-1, 0, 1].map(
    (axis): GradientCase => ({
      name: `OneHot at axis ${axis}`,
      inputs: { indices: labels([2, 3], [0, 3, -1, 4, 1, -5]) },
      build: (builder) => {
        const depth = builder.constant('int64', [], int64Data([4]));
        const values = builder.constant('float', [2], Float32Array.of(-0.1, 0.9));
        return builder.op('OneHot', ['indices', depth, values], { axis });
      },
    }),
  ),
];
