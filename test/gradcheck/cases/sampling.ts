import { float } from '../../../src/onnx/attributes.js';
import { type Attributes, fixed, type GradientCase, type InputSpec, single, wrt } from '../case.js';
import { RandomStream } from '../random.js';

/** Points in (−1.4, 1.4) that lie at least 0.05 pixels from where an interpolation of `size` pixels has a kink. */
function gridValues(name: string, count: number, sizes: readonly number[], aligned: boolean): number[] {
  const random = new RandomStream(name);
  return Array.from({ length: count }, (_, at) => {
    const size = sizes.at(-1 - (at % sizes.length))!;
    for (;;) {
      const value = random.uniform(-1.4, 1.4);
      const pixel = aligned ? ((value + 1) / 2) * (size - 1) : ((value + 1) * size - 1) / 2;
      const rest = 2 * pixel - Math.floor(2 * pixel);
      if (rest > 0.1 && rest < 0.9) return value;
    }
  });
}

const gridSample = (
  name: string,
  x: readonly number[],
  outputs: readonly number[],
  attributes: Attributes = {},
  opset = 20,
): GradientCase => {
  const dims = [x[0]!, ...outputs, outputs.length];
  const values = gridValues(
    name,
    dims.reduce((a, b) => a * b, 1),
    x.slice(2),
    attributes.align_corners === 1,
  );
  const nearest = attributes.mode === 'nearest';
  return {
    ...single(
      `GridSample ${name}`,
      'GridSample',
      { x: wrt(x), grid: nearest ? fixed(dims, values) : wrt(dims, values) },
      attributes,
    ),
    opset,
  };
};

const withInts = (
  name: string,
  opType: string,
  x: InputSpec,
  ints: readonly (readonly number[])[],
  attributes: Attributes = {},
  opset?: number,
): GradientCase => ({
  name: `${opType} ${name}`,
  inputs: { x },
  build: (builder) => builder.op(opType, ['x', ...ints.map((values) => builder.ints(values))], attributes),
  ...(opset && { opset }),
});

const rois = [0.3, 0.4, 4.2, 3.7, 1.6, 0.2, 3.3, 4.9, -1.2, 0.8, 2.4, 6.3];
const roiAlign = (name: string, attributes: Attributes): GradientCase => ({
  name: `RoiAlign ${name}`,
  inputs: { x: wrt([2, 3, 5, 6]), rois: fixed([3, 4], rois) },
  build: (builder) => {
    const images = builder.constant('int64', [3], BigInt64Array.of(0n, 1n, 0n));
    const size = { output_height: 2, output_width: 3, sampling_ratio: 2 };
    return builder.op('RoiAlign', ['x', 'rois', images], { ...size, ...attributes });
  },
});

const unpool = (
  name: string,
  x: readonly number[],
  attributes: Attributes,
  shape?: readonly number[],
): GradientCase => ({
  name: `MaxUnpool ${name}`,
  inputs: { x: wrt(x, 'distinct') },
  build: (builder) => {
    const [y, positions] = builder.ops('MaxPool', ['x'], attributes, { count: 2 });
    return builder.op('MaxUnpool', [y!, positions!, ...(shape ? [builder.ints(shape)] : [])], attributes);
  },
});

const image = [2, 3, 4, 5];
const planar = [3, 2];

export const samplingCases: GradientCase[] = [
  ...['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
    [0, 1].flatMap((align_corners) => [
      gridSample(`linear, ${padding_mode}, align_corners ${align_corners}`, image, planar, {
        padding_mode,
        align_corners,
      }),
      gridSample(`nearest, ${padding_mode}, align_corners ${align_corners}`, image, planar, {
        mode: 'nearest',
        padding_mode,
        align_corners,
      }),
      gridSample(`cubic, ${padding_mode}, align_corners ${align_corners}`, image, planar, {
        mode: 'cubic',
        padding_mode,
        align_corners,
      }),
    ]),
  ),
  gridSample('of volumes', [1, 2, 3, 4, 3], [2, 3, 2]),
  gridSample('bilinear of opset 16', image, planar, { mode: 'bilinear' }, 16),
  withInts('of images', 'AffineGrid', wrt([2, 2, 3]), [[2, 3, 4, 5]], {}, 20),
  withInts(
    'of images, align_corners',
    'AffineGrid',
    wrt([2, 2, 3]),
    [[2, 3, 4, 5]],
    { align_corners: 1 },
    20,
  ),
  withInts('of volumes', 'AffineGrid', wrt([1, 3, 4]), [[1, 2, 2, 3, 4]], {}, 20),
  {
    name: 'spatial transformer',
    inputs: { x: wrt([1, 2, 5, 5]), theta: wrt([1, 2, 3], [0.53, 0.11, 0.05, -0.13, 0.47, -0.08]) },
    build: (builder) => {
      const grid = builder.op('AffineGrid', ['theta', builder.ints([1, 2, 3, 4])]);
      return builder.op('GridSample', ['x', grid]);
    },
    opset: 20,
  },
  roiAlign('half_pixel', {}),
  roiAlign('output_half_pixel', { coordinate_transformation_mode: 'output_half_pixel' }),
  roiAlign('scaled, 3 samples', { spatial_scale: float(0.7), sampling_ratio: 3 }),
  withInts('crops', 'CenterCropPad', wrt([5, 6]), [[2, 3]], {}, 18),
  withInts('pads', 'CenterCropPad', wrt([2, 3]), [[5, 6]], {}, 18),
  withInts('crops and pads given axes', 'CenterCropPad', wrt([2, 3, 7]), [[6, 4]], { axes: [1, -1] }, 18),
  withInts(
    'of images',
    'Col2Im',
    wrt([2, 12, 6]),
    [
      [3, 4],
      [2, 2],
    ],
    {},
    18,
  ),
  withInts(
    'padded, strides 2',
    'Col2Im',
    wrt([1, 18, 6]),
    [
      [4, 5],
      [3, 3],
    ],
    { pads: [1, 1, 1, 1], strides: [2, 2] },
    18,
  ),
  withInts(
    'dilated',
    'Col2Im',
    wrt([1, 8, 6]),
    [
      [4, 5],
      [2, 2],
    ],
    { dilations: [2, 2] },
    18,
  ),
  withInts('of sequences', 'Col2Im', wrt([1, 6, 4]), [[6], [3]], {}, 18),
  unpool('of images', [2, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
  unpool('to a given shape', [1, 2, 5, 5], { kernel_shape: [2, 2], strides: [2, 2] }, [1, 2, 5, 5]),
  unpool('of sequences', [2, 2, 8], { kernel_shape: [2], strides: [2] }),
];
