import { type Attributes, type GradientCase, single, wrt } from '../case.js';

/** x [N, C, …], w [C, M / group, …], and a bias [M] when asked for. */
const transposed = (
  name: string,
  x: readonly number[],
  w: readonly number[],
  attributes: Attributes = {},
  bias = false,
): GradientCase => {
  const maps = w[1]! * ((attributes.group as number | undefined) ?? 1);
  return single(
    `ConvTranspose ${name}`,
    'ConvTranspose',
    { x: wrt(x), w: wrt(w), ...(bias && { b: wrt([maps]) }) },
    attributes,
  );
};

const image = [2, 3, 4, 5];
const strides = [2, 2];

export const convTransposeCases: GradientCase[] = [
  transposed('1×1', image, [3, 4, 1, 1]),
  transposed('3×3 with bias', image, [3, 4, 3, 3], {}, true),
  transposed('2×2 stride 2, as in U-Net', image, [3, 4, 2, 2], { strides }, true),
  transposed('4×4 stride 2 padded, as in DCGAN', image, [3, 2, 4, 4], { strides, pads: [1, 1, 1, 1] }),
  transposed(
    '3×3 stride 2, output_padding',
    image,
    [3, 4, 3, 3],
    {
      strides,
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    },
    true,
  ),
  transposed('output_padding without pads', image, [3, 4, 3, 3], { strides, output_padding: [1, 0] }, true),
  transposed('3×2 strides 2 and 3, asymmetric pads', image, [3, 4, 3, 2], {
    strides: [2, 3],
    pads: [1, 0, 0, 1],
  }),
  transposed('stride 3 beyond the kernel', image, [3, 2, 2, 2], { strides: [3, 3] }, true),
  transposed('dilation 2, padded', image, [3, 4, 3, 3], { dilations: [2, 2], pads: [2, 1, 2, 1] }),
  transposed('dilation 2, stride 2', image, [3, 4, 2, 3], { dilations: [2, 2], strides }),
  transposed('2 groups', [2, 4, 4, 4], [4, 3, 3, 3], { group: 2, pads: [1, 1, 1, 1] }, true),
  transposed('depthwise, stride 2', [2, 3, 4, 4], [3, 1, 3, 3], { group: 3, strides }, true),
  transposed('output_shape smaller than the reach', image, [3, 4, 3, 3], { strides, output_shape: [8, 10] }),
  transposed('output_shape, an odd pad', image, [3, 4, 4, 3], { strides, output_shape: [9, 10] }, true),
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].flatMap((mode) => [
    transposed(`auto_pad ${mode}`, image, [3, 4, 3, 3], { auto_pad: mode }),
    transposed(`auto_pad ${mode}, stride 2`, image, [3, 4, 3, 4], { auto_pad: mode, strides }, true),
  ]),
  transposed(
    '1-D, stride 2, output_padding',
    [2, 3, 5],
    [3, 4, 3],
    { strides: [2], output_padding: [1] },
    true,
  ),
  transposed('1-D, 2 groups, dilation 2', [2, 4, 5], [4, 2, 3], { group: 2, dilations: [2] }),
  transposed('3-D, stride 2', [1, 2, 2, 3, 2], [2, 3, 2, 2, 2], { strides: [2, 2, 2] }, true),
  {
    ...transposed('no images', [0, 3, 4, 4], [3, 2, 2, 2], { strides }, true),
  },
  transposed('3-D, padded', [1, 2, 3, 3, 3], [2, 2, 3, 3, 3], { pads: [1, 1, 1, 1, 1, 1] }),
];
