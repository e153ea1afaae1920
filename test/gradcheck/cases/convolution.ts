import { type Attributes, type GradientCase, single, wrt } from '../case.js';

/** x [N, C, …], w [M, C / group, …], and a bias [M] when asked for. */
const conv = (
  name: string,
  x: readonly number[],
  w: readonly number[],
  attributes: Attributes = {},
  bias = false,
): GradientCase =>
  single(`Conv ${name}`, 'Conv', { x: wrt(x), w: wrt(w), ...(bias && { b: wrt([w[0]!]) }) }, attributes);

const autoPads = ['SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;

export const convolutionCases: GradientCase[] = [
  conv('1×1', [2, 3, 4, 5], [4, 3, 1, 1]),
  conv('1×1 with bias', [2, 3, 4, 5], [4, 3, 1, 1], {}, true),
  conv('1×1 stride 2', [2, 3, 5, 6], [4, 3, 1, 1], { strides: [2, 2] }),
  conv('1×1 padded', [2, 3, 4, 4], [4, 3, 1, 1], { pads: [1, 1, 1, 1] }, true),
  conv('3×3', [2, 3, 6, 5], [4, 3, 3, 3]),
  conv('3×3 with bias', [2, 3, 6, 5], [4, 3, 3, 3], {}, true),
  conv('3×3 same padding', [2, 3, 5, 6], [4, 3, 3, 3], { pads: [1, 1, 1, 1], kernel_shape: [3, 3] }),
  conv('3×3 same padding, one channel', [1, 1, 4, 4], [1, 1, 3, 3], { pads: [1, 1, 1, 1] }, true),
  conv('3×3 stride 2 that divides', [2, 3, 7, 7], [4, 3, 3, 3], { strides: [2, 2] }),
  conv('3×3 stride 2 with a remainder', [2, 3, 8, 6], [4, 3, 3, 3], { strides: [2, 2] }),
  conv('3×3 stride 2 padded, even input', [2, 3, 8, 8], [4, 3, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  conv('3×3 stride 2 padded, odd input', [2, 3, 7, 9], [4, 3, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  conv('3×2 strides 2 and 3', [2, 3, 8, 9], [4, 3, 3, 2], { strides: [2, 3] }, true),
  conv('2×2 stride 3 beyond the kernel', [2, 2, 9, 10], [3, 2, 2, 2], { strides: [3, 3] }),
  conv('5×5 larger than the stride', [1, 2, 9, 9], [3, 2, 5, 5], { strides: [2, 2], pads: [2, 2, 2, 2] }),
  conv('kernel as large as the input', [2, 3, 4, 5], [4, 3, 4, 5], {}, true),
  conv('kernel larger than the input, padded', [2, 2, 2, 2], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('asymmetric pads', [2, 3, 5, 5], [4, 3, 3, 3], { pads: [0, 1, 2, 0] }),
  conv(
    'asymmetric pads, stride 2, bias',
    [2, 3, 6, 5],
    [4, 3, 3, 3],
    { pads: [1, 0, 2, 1], strides: [2, 2] },
    true,
  ),
  conv('pads beyond the kernel', [1, 2, 3, 3], [2, 2, 2, 2], { pads: [2, 3, 2, 3] }),
  conv('dilation 2', [2, 3, 7, 8], [4, 3, 3, 3], { dilations: [2, 2] }),
  conv('dilation 2 padded', [2, 3, 6, 6], [4, 3, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }, true),
  conv('dilations 1 and 3, stride 2', [1, 2, 7, 9], [3, 2, 3, 2], { dilations: [1, 3], strides: [2, 2] }),
  conv('dilation 2, stride 2, asymmetric pads', [2, 2, 8, 7], [3, 2, 3, 3], {
    dilations: [2, 2],
    strides: [2, 2],
    pads: [1, 2, 0, 1],
  }),
  conv('2 groups', [2, 4, 5, 5], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('2 groups, stride 2, bias', [2, 4, 6, 7], [6, 2, 3, 3], { group: 2, strides: [2, 2] }, true),
  conv('3 groups, dilation 2', [2, 3, 6, 6], [6, 1, 2, 2], { group: 3, dilations: [2, 2] }),
  conv('2 groups 1×1', [2, 4, 3, 3], [4, 2, 1, 1], { group: 2 }),
  conv('depthwise', [2, 3, 5, 5], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }),
  conv('depthwise, multiplier 2, stride 2', [2, 3, 6, 6], [6, 1, 3, 3], { group: 3, strides: [2, 2] }, true),
  ...autoPads.flatMap((mode) => [
    conv(`auto_pad ${mode}`, [2, 3, 5, 6], [4, 3, 3, 2], { auto_pad: mode }, true),
    conv(`auto_pad ${mode}, stride 2`, [2, 3, 6, 7], [4, 3, 3, 3], { auto_pad: mode, strides: [2, 2] }),
    conv(`auto_pad ${mode}, even kernel`, [1, 2, 5, 5], [3, 2, 4, 4], { auto_pad: mode }),
  ]),
  conv('1-D', [2, 3, 9], [4, 3, 3]),
  conv('1-D, stride 2, asymmetric pads, bias', [2, 3, 8], [4, 3, 3], { strides: [2], pads: [2, 1] }, true),
  conv('1-D, dilation 2, 2 groups', [2, 4, 8], [4, 2, 3], { dilations: [2], group: 2 }),
  conv('1-D depthwise', [2, 3, 7], [3, 1, 2], { group: 3 }),
  conv('3-D', [1, 2, 4, 4, 5], [3, 2, 2, 3, 3]),
  conv(
    '3-D, stride 2, padded, bias',
    [2, 2, 4, 5, 4],
    [3, 2, 3, 3, 3],
    {
      strides: [2, 2, 2],
      pads: [1, 1, 1, 1, 1, 1],
    },
    true,
  ),
  conv('3-D, dilation, 2 groups', [1, 4, 3, 4, 5], [4, 2, 2, 2, 2], { dilations: [1, 2, 2], group: 2 }),
  {
    ...conv('no images', [0, 3, 5, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }, true),
  },
  {
    name: 'Conv twice with one weight',
    inputs: { x: wrt([2, 3, 4, 4]), w: wrt([3, 3, 3, 3]) },
    build: (builder) => {
      const pads = [1, 1, 1, 1];
      return builder.op('Conv', [builder.op('Conv', ['x', 'w'], { pads }), 'w'], { pads });
    },
  },
];
