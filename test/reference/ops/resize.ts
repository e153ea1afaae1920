import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import { generate, type NdArray, normalizeAxes, stridesOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

interface Axis {
  from: number;
  to: number;
  scale: number;
  roi: readonly [number, number];
}

function axesOf(
  node: Node,
  dims: readonly number[],
  roi?: NdArray,
  scales?: NdArray,
  sizes?: NdArray,
): Axis[] {
  const rank = dims.length;
  const listed = normalizeAxes(
    intsAttribute(
      node,
      'axes',
      dims.map((_, axis) => axis),
    ),
    rank,
  );
  const policy = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch');
  return dims.map((from, axis) => {
    const at = listed.indexOf(axis);
    if (at < 0) return { from, to: from, scale: 1, roi: [0, 1] };
    const part: readonly [number, number] = roi?.data.length
      ? [roi.data[at]!, roi.data[at + listed.length]!]
      : [0, 1];
    if (scales?.data.length) {
      const scale = scales.data[at]!;
      const crops = stringAttribute(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize';
      return { from, to: Math.floor(from * scale * (crops ? part[1] - part[0] : 1)), scale, roi: part };
    }
    if (policy === 'stretch')
      return { from, to: sizes!.data[at]!, scale: sizes!.data[at]! / from, roi: part };
    const ratios = listed.map((other, i) => sizes!.data[i]! / dims[other]!);
    const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
    return { from, to: Math.floor(scale * from + 0.5), scale, roi: part };
  });
}

/** ONNX Runtime leaves an axis of scale 1 as it is, even where the specification's tf_crop_and_resize would crop it. */
function position(mode: string, out: number, { from, to, scale, roi: [start, end] }: Axis): number {
  if (scale === 1) return out;
  if (mode === 'asymmetric') return out / scale;
  if (mode === 'align_corners') return to === 1 ? 0 : (out * (from - 1)) / (to - 1);
  if (mode === 'pytorch_half_pixel') return to > 1 ? (out + 0.5) / scale - 0.5 : 0;
  if (mode === 'tf_crop_and_resize')
    return to > 1
      ? start * (from - 1) + (out * (end - start) * (from - 1)) / (to - 1)
      : 0.5 * (start + end) * (from - 1);
  if (mode === 'half_pixel_symmetric')
    return (from / 2) * (1 - to / (scale * from)) + (out + 0.5) / scale - 0.5;
  return (out + 0.5) / scale - 0.5;
}

function roundTo(mode: string, x: number): number {
  if (Number.isInteger(x)) return x;
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  const half = x - Math.floor(x) === 0.5;
  if (half) return mode === 'round_prefer_ceil' ? Math.ceil(x) : Math.floor(x);
  return Math.round(x);
}

function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** Elements of one axis that an output element reads, with their weights. */
function neighbours(node: Node, x: number, from: number): [number, number][] {
  const inside = (i: number) => Math.min(Math.max(i, 0), from - 1);
  const mode = stringAttribute(node, 'mode', 'nearest');
  if (mode === 'nearest')
    return [[inside(roundTo(stringAttribute(node, 'nearest_mode', 'round_prefer_floor'), x)), 1]];
  const base = Math.floor(x);
  if (mode === 'linear') return [base, base + 1].map((i) => [inside(i), 1 - Math.abs(x - i)]);
  const a = floatAttribute(node, 'cubic_coeff_a', -0.75);
  const all = [base - 1, base, base + 1, base + 2].map((i): [number, number] => [i, cubic(x - i, a)]);
  if (!intAttribute(node, 'exclude_outside', 0)) return all.map(([i, weight]) => [inside(i), weight]);
  const kept = all.filter(([i]) => i >= 0 && i < from);
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0);
  return kept.map(([i, weight]) => [i, weight / total]);
}

/** Every output element by itself: the product over the axes of the weights of each input element it reads. */
const resize: Op = ([x, roi, scales, sizes], node) => {
  const axes = axesOf(node, x!.dims, roi, scales, sizes);
  const mode = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  const strides = stridesOf(x!.dims);
  return [
    generate(
      axes.map(({ to }) => to),
      (index) => {
        const positions = axes.map((axis, i) => position(mode, index[i]!, axis));
        if (mode === 'tf_crop_and_resize' && positions.some((at, i) => at < 0 || at > axes[i]!.from - 1))
          return floatAttribute(node, 'extrapolation_value', 0);
        let reads: [number, number][] = [[0, 1]];
        axes.forEach(({ from, to }, i) => {
          const own: [number, number][] =
            from === to ? [[index[i]!, 1]] : neighbours(node, positions[i]!, from);
          reads = reads.flatMap(([offset, weight]) =>
            own.map(([at, w]): [number, number] => [offset + at * strides[i]!, weight * w]),
          );
        });
        return reads.reduce((sum, [offset, weight]) => sum + weight * x!.data[offset]!, 0);
      },
    ),
  ];
};

export const resampling: OpTable = { Resize: resize };
