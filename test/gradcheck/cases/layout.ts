import { microsoft } from '../../../src/onnx/domains.js';
import { int64Data } from '../../../src/onnx/tensors/tensor.js';
import { type Attributes, type GradientCase, labels, single, wrt } from '../case.js';

const slice = (
  name: string,
  x: readonly number[],
  ...bounds: readonly (readonly number[])[]
): GradientCase => ({
  name: `Slice ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) => builder.op('Slice', ['x', ...bounds.map((values) => builder.ints(values))]),
});

/** The parts, each times another number, in a row: so that each part's gradient differs. */
const split = (
  name: string,
  x: readonly number[],
  count: number,
  attributes: Attributes,
  sizes?: readonly number[],
  opset = 17,
): GradientCase => ({
  name: `Split ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) => {
    const inputs = sizes ? ['x', builder.ints(sizes)] : ['x'];
    const parts = builder.ops('Split', inputs, attributes, { count });
    const scaled = parts.map((part, index) => builder.op('Mul', [part, builder.scalar(index + 1)]));
    return builder.op('Concat', scaled, { axis: Number(attributes.axis ?? 0) });
  },
  opset,
});

const tile = (name: string, x: readonly number[], repeats: readonly number[]): GradientCase => ({
  name: `Tile ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) => builder.op('Tile', ['x', builder.ints(repeats)]),
});

const trilu = (name: string, x: readonly number[], attributes: Attributes, k?: number): GradientCase => ({
  name: `Trilu ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) =>
    builder.op(
      'Trilu',
      ['x', ...(k === undefined ? [] : [builder.constant('int64', [], int64Data([k]))])],
      attributes,
    ),
});

const scan = (
  opType: 'CumSum' | 'CumProd',
  name: string,
  x: GradientCase['inputs'][string],
  axis: number,
  attributes: Attributes = {},
): GradientCase => ({
  name: `${opType} ${name}`,
  inputs: { x },
  build: (builder) => builder.op(opType, ['x', builder.constant('int64', [], int64Data([axis]))], attributes),
  opset: opType === 'CumProd' ? 26 : 17,
});

const untrained = {
  unsupported: { 'training build': 'the training build of ONNX Runtime 1.28 has no CumProd' },
};

export const layoutCases: GradientCase[] = [
  slice('by steps of two', [7], [0], [7], [0], [2]),
  slice('by steps of three from the second', [3, 8], [1], [8], [1], [3]),
  slice('backwards', [5], [-1], [-6], [0], [-1]),
  slice('backwards with bounds to be clamped', [2, 5], [100], [-100], [-1], [-1]),
  slice('backwards by steps of two', [2, 7], [5], [0], [1], [-2]),
  slice('forwards and backwards', [6, 5, 4], [1, -1, 3], [6, 0, 0], [0, 1, -1], [2, -3, -1]),
  slice('of one element by a long step', [5, 2], [3], [5], [0], [100]),
  slice('of one element backwards by a long step', [5, 2], [3], [-100], [0], [-100]),
  slice('of nothing backwards', [4, 3], [0], [2], [0], [-1]),
  split('in equal parts', [6, 2], 3, {}),
  split('of given sizes', [2, 6], 3, { axis: 1 }, [1, 3, 2]),
  split('along axis -2', [2, 4, 3], 2, { axis: -2 }),
  split('with a part of none', [5], 3, {}, [2, 0, 3]),
  split('in one part', [3], 1, {}),
  split('by num_outputs', [7, 2], 3, { num_outputs: 3 }, undefined, 18),
  {
    name: 'Split of which one part is read',
    inputs: { x: wrt([6, 2]) },
    build: (builder) => builder.ops('Split', ['x'], {}, { count: 3 })[1]!,
  },
  tile('of a matrix', [2, 3], [3, 2]),
  tile('of a vector', [3], [4]),
  tile('by ones', [2, 3], [1, 1]),
  tile('of an axis of one', [2, 1, 3], [1, 5, 2]),
  tile('by none', [2, 3], [0, 2]),
  single('DepthToSpace by default', 'DepthToSpace', { x: wrt([2, 8, 2, 3]) }, { blocksize: 2 }),
  single('DepthToSpace DCR', 'DepthToSpace', { x: wrt([1, 18, 2, 1]) }, { blocksize: 3, mode: 'DCR' }),
  single('DepthToSpace CRD', 'DepthToSpace', { x: wrt([2, 12, 2, 3]) }, { blocksize: 2, mode: 'CRD' }),
  single('SpaceToDepth', 'SpaceToDepth', { x: wrt([2, 3, 4, 6]) }, { blocksize: 2 }),
  single('SpaceToDepth of blocks of one', 'SpaceToDepth', { x: wrt([1, 2, 2, 2]) }, { blocksize: 1 }),
  trilu('by default', [3, 4], {}),
  trilu('of the lower triangle', [2, 4, 3], { upper: 0 }),
  trilu('above a diagonal', [3, 4], {}, 1),
  trilu('below a diagonal', [3, 4], { upper: 0 }, -1),
  {
    name: 'Trilu of com.microsoft',
    inputs: { x: wrt([3, 3]) },
    build: (builder) => builder.op('Trilu', ['x'], { upper: 0 }, { domain: microsoft }),
  },
  single('ReverseSequence by default', 'ReverseSequence', {
    x: wrt([4, 3, 2]),
    lengths: labels([3], [4, 1, 3]),
  }),
  single(
    'ReverseSequence with the batch first',
    'ReverseSequence',
    { x: wrt([2, 4]), lengths: labels([2], [2, 4]) },
    { batch_axis: 0, time_axis: 1 },
  ),
  ...[0, 1].flatMap((exclusive) =>
    [0, 1].flatMap((reverse) => {
      const attributes = { exclusive, reverse };
      const named = `${exclusive ? 'exclusive' : 'inclusive'}${reverse ? ', reversed' : ''}`;
      return [
        scan('CumSum', named, wrt([2, 4]), 1, attributes),
        scan('CumSum', `${named}, along axis -2`, wrt([2, 3, 2]), -2, attributes),
        { ...scan('CumProd', named, wrt([2, 4], 'nonzero'), 1, attributes), ...untrained },
        { ...scan('CumProd', `${named}, along axis -2`, wrt([2, 3, 2]), -2, attributes), ...untrained },
        {
          ...scan('CumProd', `${named}, with zeros`, wrt([2, 4], [1, 0, 2, 3, 0, 2, 0, 1]), 1, attributes),
          ...untrained,
        },
      ];
    }),
  ),
];
