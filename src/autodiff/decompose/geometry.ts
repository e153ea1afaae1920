import { intAttribute } from '../../onnx/attributes.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { Decomposition } from './context.js';
import { gridSample } from './grid-sample.js';
import { roiAlign } from './roi-align.js';

/** The output is a constant grid [points, axes + 1], in homogeneous coordinates, times θᵀ. θ [N, axes, axes + 1]. */
const affineGrid: Decomposition = (c) => {
  const dims = c.dims(c.output());
  const sizes = dims.slice(1, -1);
  const aligned = intAttribute(c.node, 'align_corners', 0) === 1;
  const points = elementCount(sizes);
  const coordinate = (index: number, size: number): number =>
    aligned ? (size === 1 ? 0 : (2 * index) / (size - 1) - 1) : (2 * index + 1) / size - 1;
  const grid: number[] = [];
  for (let point = 0; point < points; point++) {
    let rest = point;
    // The fastest axis of the output is the first coordinate.
    for (const size of [...sizes].reverse()) {
      grid.push(coordinate(rest % size, size));
      rest = Math.floor(rest / size);
    }
    grid.push(1);
  }
  const transposed = c.op('Transpose', [c.input(0)], { perm: [0, 2, 1] });
  const flat = c.op('MatMul', [c.floats([points, sizes.length + 1], grid), transposed]);
  c.defineReshaped(0, flat, dims);
};

/** Crops, then pads with zeros, each around the middle, to the static shape of the output. */
const centerCropPad: Decomposition = (c) => {
  const [from, to] = [c.dims(c.input(0)), c.dims(c.output())];
  const axes = from.map((_, axis) => axis);
  const starts = axes.map((axis) => Math.floor(Math.max(0, from[axis]! - to[axis]!) / 2));
  const ends = axes.map((axis) => starts[axis]! + Math.min(from[axis]!, to[axis]!));
  const missing = axes.map((axis) => Math.max(0, to[axis]! - from[axis]!));
  const before = missing.map((zeros) => Math.floor(zeros / 2));
  const after = missing.map((zeros, axis) => zeros - before[axis]!);
  const { builder } = c;
  const middle = c.op('Slice', [c.input(0), builder.ints(starts), builder.ints(ends), builder.ints(axes)]);
  c.define(0, 'Pad', [middle, builder.ints([...before, ...after])]);
};

export const geometry: Record<string, Decomposition> = {
  AffineGrid: affineGrid,
  CenterCropPad: centerCropPad,
  GridSample: gridSample,
  RoiAlign: roiAlign,
};
