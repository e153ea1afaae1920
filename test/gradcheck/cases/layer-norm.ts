import { float } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import { type Attributes, fixed, type GradientCase, type InputSpec, single, wrt } from '../case.js';

const epsilon = float(0.1);

const layer = (
  name: string,
  x: readonly number[],
  axis: number,
  parameter: readonly number[],
  bias = true,
): GradientCase =>
  single(
    `LayerNormalization ${name}`,
    'LayerNormalization',
    { x: wrt(x), scale: wrt(parameter), ...(bias && { bias: wrt(parameter) }) },
    { axis },
  );

const ofChannels = (
  opType: string,
  name: string,
  x: readonly number[],
  parameters: number,
  attributes: Attributes = {},
  opset?: number,
): GradientCase => ({
  ...single(
    `${opType} ${name}`,
    opType,
    { x: wrt(x), scale: wrt([parameters]), bias: wrt([parameters]) },
    attributes,
  ),
  ...(opset && { opset }),
});

const contrib = (
  name: string,
  opType: string,
  inputs: Record<string, InputSpec>,
  attributes: Attributes = {},
): GradientCase => ({
  name: `${opType} ${name}`,
  inputs,
  build: (builder) => builder.op(opType, Object.keys(inputs), attributes, { domain: microsoft }),
});

export const layerNormCases: GradientCase[] = [
  layer('of the last axis', [2, 3, 5], -1, [5]),
  layer('of no rows', [0, 4], -1, [4]),
  layer('without bias', [4, 6], 1, [6], false),
  layer('of two axes', [2, 3, 4], 1, [3, 4]),
  layer('of everything', [3, 4], 0, [3, 4]),
  layer('of a negative axis', [2, 3, 4, 5], -2, [4, 5]),
  layer('with parameters that broadcast', [2, 3, 4], 1, [4]),
  single(
    'LayerNormalization with its own epsilon',
    'LayerNormalization',
    { x: wrt([3, 4]), scale: wrt([4]), bias: wrt([4]) },
    { epsilon },
  ),
  {
    name: 'LayerNormalization with Mean and InvStdDev put out',
    inputs: { x: wrt([3, 4]), scale: wrt([4]), bias: wrt([4]) },
    build: (builder) => builder.ops('LayerNormalization', ['x', 'scale', 'bias'], {}, { count: 3 })[0]!,
  },
  {
    name: 'LayerNormalization of parameters alone',
    inputs: { x: fixed([3, 4]), scale: wrt([4]), bias: wrt([4]) },
    build: (builder) => builder.op('LayerNormalization', ['x', 'scale', 'bias']),
  },
  ...(
    [
      ['of the last axis', [2, 3, 5], -1, [5]],
      ['of two axes', [2, 3, 4], 1, [3, 4]],
    ] as const
  ).flatMap(([name, x, axis, parameter]) => [
    single(
      `SimplifiedLayerNormalization ${name}`,
      'SimplifiedLayerNormalization',
      { x: wrt(x), scale: wrt(parameter) },
      { axis },
    ),
    {
      ...single(
        `RMSNormalization ${name}`,
        'RMSNormalization',
        { x: wrt(x), scale: wrt(parameter) },
        { axis, epsilon },
      ),
      opset: 23,
    },
  ]),
  ofChannels('InstanceNormalization', 'of images', [2, 3, 4, 5], 3),
  ofChannels('InstanceNormalization', 'of sequences', [2, 3, 6], 3, { epsilon }),
  ofChannels('InstanceNormalization', 'of volumes', [1, 2, 2, 3, 2], 2),
  ofChannels('GroupNormalization', 'per channel', [2, 6, 3, 4], 6, { num_groups: 2 }, 21),
  ofChannels('GroupNormalization', 'per channel, one group', [2, 4, 5], 4, { num_groups: 1, epsilon }, 21),
  ofChannels('GroupNormalization', 'per group', [2, 6, 3, 4], 3, { num_groups: 3 }, 18),
  ...(
    [
      ['size 3', 3, [2, 5, 3, 3]],
      ['size 1', 1, [2, 5, 2, 1]],
      ['wider than the channels', 7, [1, 3, 2, 2]],
    ] as const
  ).map(([name, size, x]) =>
    single(
      `LRN ${name}`,
      'LRN',
      { x: wrt(x) },
      { size, alpha: float(0.7), beta: float(0.6), bias: float(1.3) },
    ),
  ),
  single('LRN with defaults', 'LRN', { x: wrt([2, 4, 3, 3]) }, { size: 5 }),
  contrib('with bias', 'SkipLayerNormalization', {
    x: wrt([2, 3, 8]),
    skip: wrt([2, 3, 8]),
    gamma: wrt([8]),
    beta: wrt([8]),
    bias: wrt([8]),
  }),
  contrib(
    'with a skip that broadcasts',
    'SkipLayerNormalization',
    {
      x: wrt([2, 3, 8]),
      skip: wrt([3, 8]),
      gamma: wrt([8]),
      beta: wrt([8]),
    },
    { epsilon },
  ),
  contrib('with bias', 'SkipSimplifiedLayerNormalization', {
    x: wrt([2, 3, 8]),
    skip: wrt([2, 3, 8]),
    gamma: wrt([8]),
    bias: wrt([8]),
  }),
  {
    name: 'SkipLayerNormalization whose sum is read too',
    inputs: { x: wrt([2, 3, 8]), skip: wrt([2, 3, 8]), gamma: wrt([8]), beta: wrt([8]) },
    build: (builder) => {
      const outputs = [builder.fresh('y'), '', '', builder.fresh('sum')];
      builder.ops(
        'SkipLayerNormalization',
        ['x', 'skip', 'gamma', 'beta'],
        {},
        { domain: microsoft, outputs },
      );
      return builder.op('Mul', [outputs[0]!, outputs[3]!]);
    },
  },
  {
    name: 'EmbedLayerNormalization',
    inputs: {
      word: wrt([7, 8]),
      position: wrt([5, 8]),
      segment: wrt([2, 8]),
      gamma: wrt([8]),
      beta: wrt([8]),
    },
    build: (builder) => {
      const ids = builder.constant('int32', [2, 3], Int32Array.of(0, 6, 2, 3, 3, 1));
      const segments = builder.constant('int32', [2, 3], Int32Array.of(0, 0, 1, 1, 0, 1));
      const mask = builder.constant('int32', [2, 3], Int32Array.of(1, 1, 0, 1, 1, 1));
      const inputs = [ids, segments, 'word', 'position', 'segment', 'gamma', 'beta', mask];
      return builder.ops('EmbedLayerNormalization', inputs, {}, { domain: microsoft, count: 2 })[0]!;
    },
  },
];
