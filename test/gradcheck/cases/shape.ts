import { type Attributes, type GradientCase, single, wrt } from '../case.js';

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
