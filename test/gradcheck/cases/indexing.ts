import { DataType, int64Data } from '../../../src/onnx/tensors/tensor.js';
import { type Attributes, fixed, type GradientCase, type InputSpec, labels, single, wrt } from '../case.js';

const gather = (
  name: string,
  x: readonly number[],
  dims: readonly number[],
  values: readonly number[],
  axis?: number,
): GradientCase => single(`Gather ${name}`, 'Gather', { x: wrt(x), indices: labels(dims, values) }, { axis });

const gatherElements = (
  name: string,
  x: readonly number[],
  dims: readonly number[],
  values: readonly number[],
  axis?: number,
): GradientCase =>
  single(`GatherElements ${name}`, 'GatherElements', { x: wrt(x), indices: labels(dims, values) }, { axis });

const gatherND = (
  name: string,
  x: readonly number[],
  dims: readonly number[],
  values: readonly number[],
  batch_dims?: number,
): GradientCase =>
  single(`GatherND ${name}`, 'GatherND', { x: wrt(x), indices: labels(dims, values) }, { batch_dims });

/** Numbers of which no two are near each other, or zero; other ones for another phase. */
const distinct = (count: number, phase: 0 | 1): number[] =>
  Array.from({ length: count }, (_, at) => (((5 * at) % count) - count / 2 + 0.3 + 0.4 * phase) / 2);

const scatter = (
  name: string,
  opType: 'ScatterElements' | 'ScatterND',
  x: readonly number[],
  indices: InputSpec,
  updates: readonly number[],
  attributes: Attributes = {},
): GradientCase =>
  single(`${opType} ${name}`, opType, { x: wrt(x), indices, updates: wrt(updates) }, attributes);

const topK = (name: string, x: readonly number[], k: number, attributes: Attributes = {}): GradientCase => ({
  name: `TopK ${name}`,
  inputs: { x: wrt(x, 'distinct') },
  build: (builder) => builder.ops('TopK', ['x', builder.ints([k])], attributes, { count: 2 })[0]!,
});

const compress = (name: string, flags: readonly number[], axis?: number): GradientCase => ({
  name: `Compress ${name}`,
  inputs: { x: wrt([3, 4]) },
  build: (builder) =>
    builder.op('Compress', ['x', builder.constant('bool', [flags.length], Uint8Array.from(flags))], { axis }),
});

export const indexingCases: GradientCase[] = [
  gather('of rows', [5, 3], [4], [0, 3, 3, 1]),
  gather('of an embedding', [6, 4], [2, 3], [0, 5, 5, 1, 0, 5]),
  gather('with negative indices', [5, 3], [3], [-1, 0, -5]),
  gather('along the last axis', [2, 3, 4], [2], [3, 1], -1),
  gather('along the middle axis', [2, 3, 4], [2, 2], [2, 0, -1, 2], 1),
  gather('of one row', [5, 3], [], [2]),
  gather('of one column', [2, 3, 4], [], [-2], 1),
  gather('of a vector', [5], [3], [4, 4, 0]),
  gather('of no row', [5, 3], [0], []),
  {
    name: 'Gather of an embedding at constant indices',
    inputs: { x: wrt([5, 2]) },
    build: (builder) => builder.op('Gather', ['x', builder.constant('int64', [1, 3], int64Data([2, 0, 2]))]),
  },
  {
    name: 'Gather at int32 indices',
    inputs: { x: wrt([5, 2]), indices: labels([3], [4, 0, -1]) },
    build: (builder) => builder.op('Gather', ['x', builder.op('Cast', ['indices'], { to: DataType.int32 })]),
  },
  {
    name: 'Gather of a shape that feeds a Reshape',
    inputs: { x: wrt([2, 3, 4]) },
    build: (builder) => {
      const rows = builder.op('Gather', [builder.op('Shape', ['x']), builder.ints([0])]);
      return builder.op('Reshape', ['x', builder.op('Concat', [rows, builder.ints([-1])], { axis: 0 })]);
    },
  },
  gatherElements('along axis 0', [3, 3], [2, 3], [0, 2, 1, 0, 0, 1]),
  gatherElements('along axis 1, repeated', [2, 3], [2, 4], [0, 0, 2, 0, 1, -1, 1, 2], 1),
  gatherElements('along axis -1 of fewer rows', [3, 4], [2, 2], [3, 0, -4, 2], -1),
  gatherElements('of a vector', [4], [2], [-1, 3]),
  gatherElements('of nothing', [3, 3], [0, 3], []),
  gatherND('of elements', [2, 3], [3, 2], [0, 1, 1, 2, 0, 1]),
  gatherND('of slices', [3, 2, 4], [2, 1], [2, -1]),
  gatherND('of slices at two axes', [3, 2, 4], [2, 2, 2], [0, 0, 1, -1, 0, 0, -3, 1]),
  gatherND('of one element', [2, 3], [2], [1, -2]),
  gatherND('with one batch axis', [2, 3, 4], [2, 1], [1, -1], 1),
  gatherND('with one batch axis and several tuples', [2, 3, 4], [2, 3, 1], [1, -1, 1, 0, 0, 2], 1),
  gatherND('with two batch axes', [2, 2, 3, 2], [2, 2, 1], [0, 2, 1, -1], 2),
  gatherND('with a batch axis and pairs', [2, 3, 4], [2, 2, 2], [0, 1, 2, -1, 1, 1, 1, 1], 1),
  ...[undefined, 'none', 'add'].flatMap((reduction) => {
    const named = reduction ?? 'default';
    return [
      scatter(
        `by ${named} along axis 0`,
        'ScatterElements',
        [3, 3],
        labels([2, 3], [1, 0, 2, 0, 2, 1]),
        [2, 3],
        {
          reduction,
        },
      ),
      scatter(`by ${named} along axis -1`, 'ScatterElements', [2, 4], labels([2, 2], [1, -1, 0, 2]), [2, 2], {
        axis: -1,
        reduction,
      }),
      scatter(`by ${named} of elements`, 'ScatterND', [2, 3], labels([2, 2], [0, 1, 1, -1]), [2], {
        reduction,
      }),
      scatter(`by ${named} of slices`, 'ScatterND', [3, 2, 4], labels([2, 1], [2, 0]), [2, 2, 4], {
        reduction,
      }),
    ];
  }),
  scatter('by add at one place', 'ScatterElements', [3], labels([4], [1, 1, 1, -1]), [4], {
    axis: 0,
    reduction: 'add',
  }),
  scatter('by add of slices at one place', 'ScatterND', [3, 2], labels([3, 1], [1, 1, -3]), [3, 2], {
    reduction: 'add',
  }),
  {
    name: 'ScatterND of updates alone',
    inputs: { x: fixed([4, 2]), updates: wrt([2, 2]) },
    build: (builder) =>
      builder.op('ScatterND', ['x', builder.constant('int64', [2, 1], int64Data([3, 1])), 'updates']),
  },
  ...['mul', 'max', 'min'].flatMap((reduction): GradientCase[] => [
    {
      ...single(
        `ScatterElements by ${reduction} at the same places`,
        'ScatterElements',
        {
          x: wrt([3, 2], distinct(6, 0)),
          indices: labels([4, 2], [0, 2, 2, -1, 0, 0, 2, 2]),
          updates: wrt([4, 2], distinct(8, 1)),
        },
        { axis: 0, reduction },
      ),
      opset: 18,
    },
    {
      ...single(
        `ScatterND by ${reduction} at the same places`,
        'ScatterND',
        {
          x: wrt([2, 3, 2], distinct(12, 0)),
          indices: labels([4, 2], [0, 1, 1, -1, 0, 1, 0, -2]),
          updates: wrt([4, 2], distinct(8, 1)),
        },
        { reduction },
      ),
      opset: 18,
    },
  ]),
  topK('by default', [3, 5], 2),
  topK('of the smallest', [3, 5], 3, { largest: 0 }),
  topK('along axis 0', [5, 2], 2, { axis: 0 }),
  topK('along axis -2', [2, 4, 3], 2, { axis: -2, sorted: 1 }),
  topK('of all', [4], 4),
  {
    name: 'TopK whose indices are read as well',
    inputs: { x: wrt([2, 4], 'distinct') },
    build: (builder) => {
      const [values, indices] = builder.ops('TopK', ['x', builder.ints([2])], {}, { count: 2 });
      return builder.op('Mul', [values!, builder.op('GatherElements', ['x', indices!], { axis: 1 })]);
    },
  },
  compress('of elements', [0, 1, 1, 0, 0, 0, 1, 0, 0, 1]),
  compress('of rows', [1, 0, 1], 0),
  compress('of columns', [0, 1, 1], -1),
  compress('of nothing', [0, 0, 0], 0),
];
