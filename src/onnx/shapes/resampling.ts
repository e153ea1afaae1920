import { FlatminError } from '../../errors.js';
import { describeNode, floatAttribute, intAttribute, stringAttribute } from '../attributes.js';
import type { Node } from '../proto.js';

/** How Resize makes one axis: `scale` as the node states it or as its sizes give it; `roi` in shares of the input's size. */
export interface ResampledAxis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  readonly roi: readonly [start: number, end: number];
}

/** Weight of input element `column` in output element `row`, of a [to, from] matrix, row-major. */
export type ResamplingMatrix = Float64Array;

/**
 * The matrix by which Resize multiplies an axis: output = matrix · input, but for extrapolated elements of tf_crop_and_resize, whose rows
 * are zero. Source: ONNX specification of Resize, opsets 11 to 19.
 * @throws FlatminError NO_GRADIENT for antialias and for modes that the specification does not have
 */
export function resamplingMatrix(node: Node, axis: ResampledAxis): ResamplingMatrix {
  const { from, to } = axis;
  if (intAttribute(node, 'antialias', 0) !== 0)
    throw new FlatminError(
      'NO_GRADIENT',
      `${describeNode(node)} has antialias = 1, which has no gradient here: resize without it, or by AveragePool.`,
    );
  const coordinates = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  const matrix = new Float64Array(to * from);
  for (let row = 0; row < to; row++) {
    const position = sourcePosition(coordinates, row, axis);
    const outside = position < 0 || position > from - 1;
    if (coordinates === 'tf_crop_and_resize' && outside) continue;
    for (const [column, weight] of taps(node, position, axis))
      matrix[row * from + Math.min(Math.max(column, 0), from - 1)]! += weight;
  }
  return matrix;
}

/** Where output element `row` lies on the input axis; rounded as ONNX Runtime's float32 is, lest another element be the nearest. */
function sourcePosition(mode: string, row: number, { from, to, scale, roi }: ResampledAxis): number {
  const round = Math.fround;
  const ratio = round(scale);
  const halfPixel = round(round((row + 0.5) / ratio) - 0.5);
  // ONNX Runtime leaves such an axis as it is, even where the specification's tf_crop_and_resize would crop it.
  if (scale === 1) return row;
  switch (mode) {
    case 'half_pixel':
      return halfPixel;
    case 'half_pixel_symmetric': {
      const adjustment = to / (scale * from);
      return (from / 2) * (1 - adjustment) + halfPixel;
    }
    case 'pytorch_half_pixel':
      return to > 1 ? halfPixel : 0;
    case 'align_corners':
      return to === 1 ? 0 : round((row * (from - 1)) / (to - 1));
    case 'asymmetric':
      return round(row / ratio);
    case 'tf_crop_and_resize':
      return to > 1
        ? roi[0] * (from - 1) + (row * (roi[1] - roi[0]) * (from - 1)) / (to - 1)
        : 0.5 * (roi[0] + roi[1]) * (from - 1);
    default:
      throw new FlatminError('NO_GRADIENT', `Resize knows no coordinate_transformation_mode "${mode}".`);
  }
}

/** Input elements and their weights; elements outside the input stand for the nearest inside. */
function taps(node: Node, position: number, { from }: ResampledAxis): [column: number, weight: number][] {
  const mode = stringAttribute(node, 'mode', 'nearest');
  const first = Math.floor(position);
  const fraction = position - first;
  switch (mode) {
    case 'nearest':
      return [[nearest(stringAttribute(node, 'nearest_mode', 'round_prefer_floor'), position), 1]];
    case 'linear':
      return [
        [first, 1 - fraction],
        [first + 1, fraction],
      ];
    case 'cubic': {
      const a = floatAttribute(node, 'cubic_coeff_a', -0.75);
      let weights = [0, 1, 2, 3].map((tap): [number, number] => [
        first + tap - 1,
        keys(Math.abs(tap - 1 - fraction), a),
      ]);
      if (intAttribute(node, 'exclude_outside', 0)) {
        weights = weights.filter(([column]) => column >= 0 && column < from);
        const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
        weights = weights.map(([column, weight]) => [column, weight / total]);
      }
      return weights;
    }
    default:
      throw new FlatminError('NO_GRADIENT', `Resize knows no mode "${mode}".`);
  }
}

function nearest(mode: string, position: number): number {
  if (Number.isInteger(position)) return position;
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(position - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(position + 0.5);
    case 'floor':
      return Math.floor(position);
    case 'ceil':
      return Math.ceil(position);
    default:
      throw new FlatminError('NO_GRADIENT', `Resize knows no nearest_mode "${mode}".`);
  }
}

/** Cubic convolution kernel at a distance below 2. Keys 1981. */
function keys(distance: number, a: number): number {
  return distance <= 1
    ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
    : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
}
