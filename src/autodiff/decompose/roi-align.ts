import { floatAttribute, intAttribute, stringAttribute } from '../../onnx/attributes.js';
import type { DecomposeContext, Decomposition } from './context.js';

/**
 * Averages of bilinear samples. Bilinear interpolation is separable, and so is the average: Y = Wy·X·Wxᵀ for each region, where a row
 * of W holds the mean weight that the samples of one bin give each pixel. X [N, C, H, W], rois [R, 4], batch indices [R].
 * Source: ONNX specification of RoiAlign, opsets 16 to 22.
 */
export const roiAlign: Decomposition = (c) => {
  const samples = intAttribute(c.node, 'sampling_ratio', 0);
  if (samples <= 0)
    throw c.refuse('sampling_ratio 0 takes a number of samples that depends on the region: set it to 2');
  if (stringAttribute(c.node, 'mode', 'avg') !== 'avg') throw c.refuse('only mode avg is covered');
  const [x, rois] = [c.input(0), c.input(1)];
  const [, channels, height, width] = c.dims(x) as [number, number, number, number];
  const regions = c.dims(rois)[0]!;
  const [outHeight, outWidth] = c.dims(c.output()).slice(2) as [number, number];
  const rows = meanWeights(c, 1, 3, outHeight, height, samples);
  const columns = meanWeights(c, 0, 2, outWidth, width, samples);
  const images = c.op('Gather', [x, c.input(2)], { axis: 0 });
  const tall = c.reshape(images, [regions, channels * height, width]);
  const narrow = c.op('MatMul', [tall, c.op('Transpose', [columns], { perm: [0, 2, 1] })]);
  c.define(0, 'MatMul', [
    c.reshape(rows, [regions, 1, outHeight, height]),
    c.reshape(narrow, [regions, channels, height, outWidth]),
  ]);
};

/** Mean weight of each pixel of an axis in each bin of each region, [R, bins, size]. */
function meanWeights(
  c: DecomposeContext,
  first: number,
  last: number,
  bins: number,
  size: number,
  samples: number,
): string {
  const rois = c.input(1);
  const regions = c.dims(rois)[0]!;
  const halfPixel = stringAttribute(c.node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const scale = c.scalar(floatAttribute(c.node, 'spatial_scale', 1));
  const edge = (column: number): string => {
    const scaled = c.op('Mul', [c.slice(rois, 1, column, column + 1), scale]);
    return halfPixel ? c.op('Sub', [scaled, c.scalar(0.5)]) : scaled;
  };
  const [start, end] = [edge(first), edge(last)];
  const span = c.op('Sub', [end, start]);
  const length = halfPixel ? span : c.op('Max', [span, c.scalar(1)]);
  const steps = Array.from({ length: bins * samples }, (_, sample) => (sample + 0.5) / (samples * bins));
  const position = c.op('Add', [start, c.op('Mul', [length, c.floats([1, bins * samples], steps)])]);
  const clamped = c.op('Clip', [position, c.scalar(0), c.scalar(size - 1)]);
  const pixels = c.floats(
    [1, 1, size],
    Array.from({ length: size }, (_, pixel) => pixel),
  );
  const distance = c.op('Abs', [c.op('Sub', [c.reshape(clamped, [regions, bins * samples, 1]), pixels])]);
  const weight = c.op('Relu', [c.op('Sub', [c.scalar(1), distance])]);
  const near = c.op('And', [
    c.op('Not', [c.op('Less', [position, c.scalar(-1)])]),
    c.op('Not', [c.op('Greater', [position, c.scalar(size)])]),
  ]);
  const counted = c.op('Where', [c.reshape(near, [regions, bins * samples, 1]), weight, c.scalar(0)]);
  const perBin = c.sum(c.reshape(counted, [regions, bins, samples, size]), [2], 0);
  return c.op('Mul', [perBin, c.scalar(1 / samples)]);
}
