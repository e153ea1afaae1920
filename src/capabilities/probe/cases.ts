import { microsoft } from '../../onnx/domains.js';
import type { ElementType } from '../../onnx/tensors/element-types.js';
import { elementTypes } from '../../onnx/tensors/element-types.js';
import { convGrad, crossEntropyGrad } from '../../releases/training-kernels.js';
import type { Capabilities } from '../capabilities.js';
import type { Example } from './example.js';
import * as examples from './examples.js';

/** A kernel of a capabilities table, and nodes that it must compute right. */
export interface ProbeCase {
  readonly kernel: string;
  readonly examples: readonly Example[];
  /** Default: both. */
  readonly device?: Capabilities['device'];
}

const activations: readonly ProbeCase[] = [
  ['ReluGrad', 'signed'],
  ['SigmoidGrad', 'positive'],
  ['TanhGrad', 'positive'],
  ['GeluGrad', 'signed'],
  ['FastGeluGrad', 'signed'],
  ['QuickGeluGrad', 'signed'],
].map(([op, fill]) => ({
  kernel: `${microsoft}:${op}`,
  examples: [
    examples.elementwise(op!, [3, 7], fill as 'signed' | 'positive'),
    examples.elementwise(op!, [2, 3, 4, 5], fill as 'signed' | 'positive'),
  ],
}));

const softmaxes: readonly ProbeCase[] = ['SoftmaxGrad_13', 'LogSoftmaxGrad_13'].map((op) => ({
  kernel: `${microsoft}:${op}`,
  examples: [
    examples.softmaxGrad(op, [4, 10], -1),
    examples.softmaxGrad(op, [2, 5, 3, 4], 1),
    examples.softmaxGrad(op, [2, 1500], 1),
  ],
}));

const layerNorms: readonly ProbeCase[] = ['LayerNormalizationGrad', 'SimplifiedLayerNormalizationGrad'].map(
  (op) => ({
    kernel: `${microsoft}:${op}`,
    examples: [examples.layerNormGrad(op, [4, 16]), examples.layerNormGrad(op, [2, 3, 20])],
  }),
);

/** Geometries of windows on two axes that all kinds of node share. */
const plain = [
  { kernel: [3, 3], padsBegin: [1, 1] },
  { kernel: [3, 2], strides: [2, 1] },
  { kernel: [3, 3], strides: [2, 2], padsBegin: [1, 1] },
];
const image = [2, 4, 7, 8];

const convolutions: readonly ProbeCase[] = [
  {
    kernel: convGrad,
    examples: [
      ...plain.map((window) => examples.convGrad(image, 6, window)),
      examples.convGrad(image, 6, { kernel: [3, 3], dilations: [2, 2], padsBegin: [2, 2] }),
      examples.convGrad(image, 6, { kernel: [3, 3], padsBegin: [1, 1] }, 2),
      examples.convGrad(image, 4, { kernel: [3, 3], padsBegin: [1, 1] }, 4),
      examples.convGrad(image, 6, { kernel: [1, 1] }, 1, ['dw']),
      examples.convGrad(image, 6, { kernel: [1, 1], strides: [2, 2] }, 1, ['dx', 'dw']),
    ],
  },
  {
    kernel: `${convGrad}/1-D`,
    examples: [
      examples.convGrad([2, 4, 9], 6, { kernel: [3], padsBegin: [1] }),
      examples.convGrad([2, 4, 9], 6, { kernel: [4], strides: [2] }),
    ],
  },
  {
    kernel: `${convGrad}/3-D`,
    examples: [
      examples.convGrad([2, 2, 4, 5, 6], 3, { kernel: [3, 3, 3], padsBegin: [1, 1, 1] }),
      examples.convGrad([2, 2, 4, 5, 6], 4, { kernel: [2, 3, 2], strides: [2, 1, 2] }),
    ],
  },
  {
    // Release 1.28 writes outside its memory on the CPU, with right numbers: what no probe is sure to notice is not tried there.
    kernel: `${convGrad}/grouped, not 2-D`,
    device: 'cuda',
    examples: [
      examples.convGrad([2, 4, 9], 6, { kernel: [4], strides: [2] }, 2),
      examples.convGrad([2, 2, 4, 5, 6], 4, { kernel: [2, 3, 2], strides: [2, 1, 2] }, 2),
    ],
  },
  {
    kernel: `${convGrad}/asymmetric`,
    examples: [
      examples.convGrad(image, 6, { kernel: [3, 3], padsBegin: [0, 1], padsEnd: [2, 0] }),
      examples.convGrad(image, 6, { kernel: [2, 2], strides: [2, 2], padsBegin: [0, 0], padsEnd: [1, 0] }),
    ],
  },
];

const pools: readonly ProbeCase[] = (['MaxPoolGrad', 'AveragePoolGrad'] as const).flatMap((op) => {
  const of = (x: readonly number[], window: examples.WindowOptions): Example[] =>
    op === 'MaxPoolGrad'
      ? [examples.maxPoolGrad(x, window)]
      : [examples.averagePoolGrad(x, window), examples.averagePoolGrad(x, window, 1)];
  return [
    { kernel: op, examples: plain.flatMap((window) => of(image, window)) },
    {
      kernel: `${op}/1-D`,
      examples: [
        ...of([2, 3, 9], { kernel: [3], strides: [2] }),
        ...of([2, 3, 8], { kernel: [3], padsBegin: [1] }),
      ],
    },
    { kernel: `${op}/3-D`, examples: of([1, 2, 4, 4, 5], { kernel: [2, 2, 3], strides: [2, 1, 2] }) },
  ];
});

const losses: readonly ProbeCase[] = (['int64', 'int32'] as const).map((labels) => ({
  kernel: labels === 'int64' ? crossEntropyGrad : `${crossEntropyGrad}/int32`,
  examples: [
    examples.crossEntropyGrad([6, 5], labels),
    examples.crossEntropyGrad([3, 4, 5], labels, { reduction: 'sum' }),
    examples.crossEntropyGrad([6, 5], labels, { reduction: 'mean', ignore_index: 1 }, true),
    examples.crossEntropyGrad([6, 5], labels, { reduction: 'none' }, true),
  ],
}));

/** Every training op that flatmin emits (lowering/lower.ts). */
const probeCases: readonly ProbeCase[] = [
  ...activations,
  ...softmaxes,
  ...losses,
  ...layerNorms,
  {
    kernel: `${microsoft}:BatchNormInternal`,
    examples: [examples.batchNorm([4, 3, 5, 6]), examples.batchNorm([8, 3])],
  },
  {
    kernel: `${microsoft}:BatchNormalizationGrad`,
    examples: [examples.batchNormGrad([4, 3, 5, 6]), examples.batchNormGrad([2, 3, 8])],
  },
  ...convolutions,
  ...pools,
];

/** One kernel in one element type. */
export interface Probe extends ProbeCase {
  readonly type: ElementType;
}

/** In the order in which they are run; messages between processes name them by their place. */
export const probesOf = (kind: Capabilities['device']): Probe[] =>
  probeCases
    .filter(({ device = kind }) => device === kind)
    .flatMap((each) => elementTypes.map((type) => ({ ...each, type })));
