import { type Attributes, type GradientCase, single, wrt } from '../case.js';

const pool = (name: string, x: readonly number[], attributes: Attributes, opset?: number): GradientCase => ({
  ...single(`LpPool ${name}`, 'LpPool', { x: wrt(x, 'nonzero') }, attributes),
  ...(opset && { opset }),
});

const image = [2, 3, 6, 7];

export const lpPoolCases: GradientCase[] = [
  pool('p 2', image, { kernel_shape: [2, 2], strides: [2, 2] }),
  pool('p 1', image, { kernel_shape: [3, 2], p: 1 }),
  pool('p 3, padded', image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], p: 3 }),
  pool('SAME_LOWER', image, { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_LOWER' }),
  pool('1-D', [2, 3, 8], { kernel_shape: [3], strides: [2] }),
  pool('3-D', [1, 2, 3, 4, 3], { kernel_shape: [2, 2, 2] }),
  pool('ceil_mode', image, { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, 18),
  pool('dilated', image, { kernel_shape: [2, 3], dilations: [2, 2] }, 18),
  ...[1, 2, 3].map((p) =>
    single(`GlobalLpPool p ${p}`, 'GlobalLpPool', { x: wrt([2, 3, 4, 5], 'nonzero') }, { p }),
  ),
];
