import { type Attributes, fixed, type GradientCase, single, wrt } from '../case.js';

/** One node over x whose further inputs are int64 constants. */
const shaped = (
  name: string,
  opType: string,
  x: readonly number[],
  constants: readonly (readonly number[])[],
  attributes: Attributes = {},
): GradientCase => ({
  name: `${opType} ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) =>
    builder.op(opType, ['x', ...constants.map((values) => builder.ints(values))], attributes),
});

const flatten = (name: string, x: readonly number[], axis?: number): GradientCase =>
  single(`Flatten ${name}`, 'Flatten', { x: wrt(x) }, { axis });

const transpose = (name: string, x: readonly number[], perm?: readonly number[]): GradientCase =>
  single(`Transpose ${name}`, 'Transpose', { x: wrt(x) }, { perm });

export const shapeCases: GradientCase[] = [
  shaped('to a given shape', 'Reshape', [2, 3, 4], [[4, 6]]),
  shaped('with -1', 'Reshape', [2, 3, 4], [[-1, 8]]),
  shaped('with 0', 'Reshape', [2, 3, 4], [[0, 12]]),
  shaped('with 0 and -1', 'Reshape', [2, 3, 4], [[0, -1, 2]]),
  shaped('to a vector', 'Reshape', [2, 3], [[-1]]),
  shaped('to more axes', 'Reshape', [6], [[1, 2, 3]]),
  shaped('to a scalar', 'Reshape', [1, 1], [[]]),
  shaped('of nothing', 'Reshape', [0, 3, 2], [[0, 6]]),
  shaped('of nothing with allowzero', 'Reshape', [3, 0], [[0, 7]], { allowzero: 1 }),
  shaped('by axes', 'Squeeze', [1, 3, 1, 2], [[0, -2]]),
  shaped('of every axis of one', 'Squeeze', [1, 3, 1, 2], []),
  shaped('by axes', 'Unsqueeze', [2, 3], [[0, -1]]),
  shaped('in the middle', 'Unsqueeze', [2, 3], [[1]]),
  shaped('of leading axes', 'Expand', [3], [[2, 4, 3]]),
  shaped('of an axis of one', 'Expand', [2, 1, 3], [[2, 4, 3]]),
  shaped('by a shape with ones', 'Expand', [2, 3], [[1, 1]]),
  shaped('both ways', 'Expand', [3, 1], [[2, 1, 4]]),
  shaped('of a scalar', 'Expand', [], [[2, 3]]),
  shaped('of every side', 'Pad', [2, 3], [[1, 2, 3, 4]]),
  shaped('at the beginning', 'Pad', [2, 3, 2], [[0, 1, 2, 0, 0, 0]]),
  shaped('at the end', 'Pad', [2, 3, 2], [[0, 0, 0, 0, 1, 2]]),
  shaped('by nothing', 'Pad', [2, 3], [[0, 0, 0, 0]]),
  {
    name: 'Pad of given axes with a value',
    inputs: { x: wrt([2, 3]) },
    build: (builder) => builder.op('Pad', ['x', builder.ints([1, 2]), builder.scalar(3), builder.ints([-1])]),
    opset: 18,
  },
  shaped('of leading axes', 'Slice', [4, 3], [[1], [3]]),
  shaped(
    'of given axes',
    'Slice',
    [4, 3, 5],
    [
      [1, 2],
      [3, 5],
      [0, 2],
    ],
  ),
  shaped(
    'with negative bounds',
    'Slice',
    [4, 3, 5],
    [
      [-3, -4],
      [-1, -1],
      [0, -1],
    ],
  ),
  shaped(
    'with bounds to be clamped',
    'Slice',
    [4, 3],
    [
      [-100, 1],
      [2, 1000],
      [0, 1],
    ],
  ),
  shaped('of nothing', 'Slice', [4, 3], [[2], [2], [0]]),
  shaped('with steps of one', 'Slice', [4, 3], [[1], [4], [0], [1]]),
  single('Concat of one', 'Concat', { a: wrt([2, 3]) }, { axis: 0 }),
  single('Concat of rows', 'Concat', { a: wrt([2, 3]), b: wrt([1, 3]), c: wrt([4, 3]) }, { axis: 0 }),
  single(
    'Concat along axis -1',
    'Concat',
    { a: wrt([2, 2, 1]), b: fixed([2, 2, 2]), c: wrt([2, 2, 3]) },
    { axis: -1 },
  ),
  single('Concat with an empty part', 'Concat', { a: wrt([2, 0]), b: wrt([2, 3]) }, { axis: 1 }),
  {
    name: 'Concat of a value with itself',
    inputs: { x: wrt([2, 3]) },
    build: (builder) => builder.op('Concat', ['x', builder.op('Mul', ['x', 'x']), 'x'], { axis: 1 }),
  },
  flatten('by default', [2, 3, 4]),
  flatten('at axis 0', [2, 3, 4], 0),
  flatten('at axis 2', [2, 3, 4], 2),
  flatten('at the last axis', [2, 3, 4], 3),
  flatten('at axis -1', [2, 3, 4], -1),
  flatten('at axis -3', [2, 3, 4], -3),
  transpose('by default', [2, 3, 4]),
  transpose('of a matrix', [2, 3]),
  transpose('by a perm of its own inverse', [2, 3, 4], [0, 2, 1]),
  transpose('by a cyclic perm', [2, 3, 4], [1, 2, 0]),
  transpose('by a perm of four axes', [2, 3, 4, 2], [2, 0, 3, 1]),
  transpose('of nothing', [0, 3], [1, 0]),
];
