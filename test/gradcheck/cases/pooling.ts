import { type Attributes, type GradientCase, single, wrt } from '../case.js';

const pool = (
  opType: 'MaxPool' | 'AveragePool',
  name: string,
  x: readonly number[],
  attributes: Attributes,
): GradientCase => single(`${opType} ${name}`, opType, { x: wrt(x, 'distinct') }, attributes);

const image = [2, 3, 6, 7];
/** Geometries that both kinds of pool share. */
const geometries: readonly [name: string, x: readonly number[], attributes: Attributes][] = [
  ['2×2 without strides', image, { kernel_shape: [2, 2] }],
  ['2×2 stride 2', [2, 3, 6, 8], { kernel_shape: [2, 2], strides: [2, 2] }],
  ['2×2 stride 2 with a remainder', image, { kernel_shape: [2, 2], strides: [2, 2] }],
  ['3×3 stride 2, overlapping', image, { kernel_shape: [3, 3], strides: [2, 2] }],
  ['3×2 strides 1 and 2', image, { kernel_shape: [3, 2], strides: [1, 2] }],
  ['2×2 stride 3, with gaps', [2, 2, 8, 8], { kernel_shape: [2, 2], strides: [3, 3] }],
  ['3×3 stride 2, padded', image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ['3×3 asymmetric pads', image, { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 1, 2, 0] }],
  ['ceil_mode', image, { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
  ['ceil_mode, padded', image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  [
    'ceil_mode, last window in the padding',
    [1, 2, 4, 4],
    { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
  ],
  ['auto_pad SAME_UPPER', image, { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
  ['auto_pad SAME_LOWER', image, { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_LOWER' }],
  ['auto_pad VALID', image, { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'VALID' }],
  ['of the whole image', [2, 3, 4, 4], { kernel_shape: [4, 4] }],
  ['1-D, overlapping', [2, 3, 9], { kernel_shape: [3], strides: [2] }],
  ['1-D, overlapping, padded', [2, 3, 8], { kernel_shape: [3], pads: [1, 1] }],
  ['3-D', [1, 2, 4, 4, 5], { kernel_shape: [2, 2, 3], strides: [2, 1, 2] }],
];

export const poolingCases: GradientCase[] = [
  ...geometries.flatMap(([name, x, attributes]) => [
    pool('MaxPool', name, x, attributes),
    pool('AveragePool', name, x, attributes),
  ]),
  ...geometries
    .filter(([, , { pads, auto_pad }]) => pads || auto_pad)
    .map(
      ([name, x, attributes]): GradientCase => ({
        ...pool('AveragePool', `${name}, count_include_pad`, x, { ...attributes, count_include_pad: 1 }),
        ...(attributes.ceil_mode && {
          unsupported: {
            'training build': 'AveragePool of ONNX Runtime 1.28 counts what lies beyond the padding',
          },
        }),
      }),
    ),
  pool('MaxPool', 'dilation 2', image, { kernel_shape: [2, 3], dilations: [2, 2] }),
  pool('MaxPool', 'dilation 2, stride 2, padded', image, {
    kernel_shape: [2, 2],
    dilations: [2, 2],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  {
    ...pool('AveragePool', 'dilation 2, padded', image, {
      kernel_shape: [2, 2],
      dilations: [2, 2],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    }),
    opset: 19,
  },
  pool('MaxPool', 'storage_order 1', image, { kernel_shape: [2, 2], storage_order: 1 }),
  ...[0, 1].map(
    (storage_order): GradientCase => ({
      name: `MaxPool with its positions put out, storage_order ${storage_order}`,
      inputs: { x: wrt(image, 'distinct') },
      build: (builder) =>
        builder.ops('MaxPool', ['x'], { kernel_shape: [2, 3], storage_order }, { count: 2 })[0]!,
    }),
  ),
  pool('MaxPool', '3-D, padded, stride 2', [1, 2, 4, 5, 4], {
    kernel_shape: [3, 3, 3],
    strides: [2, 2, 2],
    pads: [1, 1, 1, 1, 1, 1],
  }),
  pool('AveragePool', '3-D, padded, stride 2', [1, 2, 4, 5, 4], {
    kernel_shape: [3, 3, 3],
    strides: [2, 2, 2],
    pads: [1, 1, 1, 1, 1, 1],
  }),
  ...['GlobalAveragePool', 'GlobalMaxPool'].flatMap((opType) => [
    single(`${opType} of images`, opType, { x: wrt([2, 3, 4, 5], 'distinct') }),
    single(`${opType} of sequences`, opType, { x: wrt([2, 3, 7], 'distinct') }),
    single(`${opType} of volumes`, opType, { x: wrt([2, 2, 2, 3, 2], 'distinct') }),
    single(`${opType} of single pixels`, opType, { x: wrt([2, 3, 1, 1], 'distinct') }),
  ]),
];
