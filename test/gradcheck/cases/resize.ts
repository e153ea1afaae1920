import { float } from '../../../src/onnx/attributes.js';
import { type Attributes, type GradientCase, wrt } from '../case.js';

interface Target {
  scales?: readonly number[];
  sizes?: readonly number[];
  roi?: readonly number[];
}

const resize = (
  name: string,
  x: readonly number[],
  { scales, sizes, roi }: Target,
  attributes: Attributes = {},
  opset?: number,
): GradientCase => ({
  name: `Resize ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) => {
    const list = (values?: readonly number[]) =>
      values ? builder.constant('float', [values.length], Float32Array.from(values)) : '';
    const inputs = ['x', list(roi), list(scales), sizes ? builder.ints(sizes) : ''];
    while (inputs.at(-1) === '') inputs.pop();
    return builder.op('Resize', inputs, attributes);
  },
  ...(opset && { opset }),
});

const image = [2, 3, 4, 5];
const double = { scales: [1, 1, 2, 2] };
const coordinates = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];

export const resizeCases: GradientCase[] = [
  ...['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].flatMap((nearest_mode) =>
    coordinates.flatMap((coordinate_transformation_mode) => [
      resize(
        `nearest ${nearest_mode}, ${coordinate_transformation_mode}`,
        image,
        { sizes: [2, 3, 7, 8] },
        {
          mode: 'nearest',
          nearest_mode,
          coordinate_transformation_mode,
        },
      ),
    ]),
  ),
  resize('nearest twice as large, as PyTorch exports it', image, double, {
    mode: 'nearest',
    nearest_mode: 'floor',
    coordinate_transformation_mode: 'asymmetric',
  }),
  resize('nearest by 3 and 1', image, { scales: [1, 1, 3, 1] }, { mode: 'nearest' }),
  resize(
    'nearest, half as large',
    image,
    { scales: [1, 1, 0.5, 0.7] },
    { mode: 'nearest', nearest_mode: 'floor' },
  ),
  ...coordinates.flatMap((coordinate_transformation_mode) => [
    resize(
      `linear ${coordinate_transformation_mode}`,
      image,
      { sizes: [2, 3, 7, 8] },
      {
        mode: 'linear',
        coordinate_transformation_mode,
      },
    ),
    resize(
      `linear ${coordinate_transformation_mode}, smaller`,
      image,
      { sizes: [2, 3, 3, 2] },
      {
        mode: 'linear',
        coordinate_transformation_mode,
      },
    ),
    resize(
      `cubic ${coordinate_transformation_mode}`,
      image,
      { scales: [1, 1, 1.5, 2] },
      {
        mode: 'cubic',
        coordinate_transformation_mode,
      },
    ),
  ]),
  resize(
    'linear to one pixel, align_corners',
    image,
    { sizes: [2, 3, 1, 1] },
    {
      mode: 'linear',
      coordinate_transformation_mode: 'align_corners',
    },
  ),
  resize(
    'linear to one pixel, pytorch_half_pixel',
    image,
    { sizes: [2, 3, 1, 1] },
    {
      mode: 'linear',
      coordinate_transformation_mode: 'pytorch_half_pixel',
    },
  ),
  resize('linear by scales that leave a rest', image, { scales: [1, 1, 1.7, 2.3] }, { mode: 'linear' }),
  resize('linear, sequences', [2, 3, 5], { scales: [1, 1, 2] }, { mode: 'linear' }),
  resize('linear, volumes', [1, 2, 3, 2, 4], { scales: [1, 1, 2, 1.5, 2] }, { mode: 'linear' }),
  resize('linear, channels last', [2, 4, 5, 3], { scales: [1, 2, 2, 1] }, { mode: 'linear' }),
  resize('cubic, exclude_outside and its own coefficient', image, double, {
    mode: 'cubic',
    exclude_outside: 1,
    cubic_coeff_a: float(-0.5),
  }),
  resize('cubic, smaller', image, { sizes: [2, 3, 3, 3] }, { mode: 'cubic' }),
  resize(
    'linear tf_crop_and_resize of one axis alone',
    image,
    { sizes: [2, 3, 4, 3], roi: [0, 0, 0.2, 0.1, 1, 1, 0.9, 0.7] },
    { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' },
  ),
  resize(
    'linear tf_crop_and_resize',
    image,
    { sizes: [2, 3, 3, 4], roi: [0, 0, 0.2, 0.1, 1, 1, 0.9, 0.7] },
    { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' },
  ),
  resize(
    'linear tf_crop_and_resize beyond the image',
    image,
    { sizes: [2, 3, 6, 4], roi: [0, 0, -0.2, 0.1, 1, 1, 0.9, 1.3] },
    {
      mode: 'linear',
      coordinate_transformation_mode: 'tf_crop_and_resize',
      extrapolation_value: float(0.5),
    },
  ),
  resize(
    'linear half_pixel_symmetric',
    image,
    { scales: [1, 1, 1.7, 2.3] },
    {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel_symmetric',
    },
    19,
  ),
  resize('linear of given axes', image, { sizes: [8, 10] }, { mode: 'linear', axes: [2, 3] }, 18),
  resize('nearest of negative axes', image, { scales: [2, 2] }, { mode: 'nearest', axes: [-1, -2] }, 18),
  resize(
    'linear, not_larger',
    image,
    { sizes: [7, 8] },
    {
      mode: 'linear',
      axes: [2, 3],
      keep_aspect_ratio_policy: 'not_larger',
    },
    18,
  ),
  resize(
    'linear, not_smaller',
    image,
    { sizes: [7, 8] },
    {
      mode: 'linear',
      axes: [2, 3],
      keep_aspect_ratio_policy: 'not_smaller',
    },
    18,
  ),
  resize('to the same size', image, { scales: [1, 1, 1, 1] }, { mode: 'linear' }),
];
