import { intAttribute, intsAttribute, stringAttribute } from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import {
  broadcastDims,
  broadcastTo,
  dot,
  generate,
  type NdArray,
  ndArray,
  normalizeAxes,
  normalizeAxis,
  sizeOf,
  stridesOf,
  withDims,
} from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** 0 copies the input's dimension (unless allowzero), -1 takes what is left. */
const reshape: Op = ([x, shape], node) => {
  const allowZero = intAttribute(node, 'allowzero', 0) !== 0;
  const dims = [...shape!.data].map((dim, axis) => (dim === 0 && !allowZero ? x!.dims[axis]! : dim));
  const known = sizeOf(dims.filter((dim) => dim !== -1));
  const result = dims.map((dim) => (dim === -1 ? x!.data.length / known : dim));
  if (sizeOf(result) !== x!.data.length) throw new Error(`Cannot reshape [${x!.dims}] to [${dims}].`);
  return [withDims(x!, result)];
};

/** axis may equal the rank. */
const flatten: Op = ([x], node) => {
  const axis = intAttribute(node, 'axis', 1);
  const split = axis < 0 ? axis + x!.dims.length : axis;
  return [withDims(x!, [sizeOf(x!.dims.slice(0, split)), sizeOf(x!.dims.slice(split))])];
};

const transpose: Op = ([x], node) => {
  const reversed = x!.dims.map((_, axis) => x!.dims.length - 1 - axis);
  const perm = intsAttribute(node, 'perm', reversed);
  const strides = stridesOf(x!.dims);
  const permuted = perm.map((axis) => strides[axis]!);
  return [
    generate(
      perm.map((axis) => x!.dims[axis]!),
      (index) => x!.data[dot(permuted, index)]!,
    ),
  ];
};

/** Axes from the second input, or from the attribute of older opsets. */
const axesOf = (axes: NdArray | undefined, node: Node): number[] | undefined =>
  axes ? [...axes.data] : intsAttribute(node, 'axes');

const squeeze: Op = ([x, axesInput], node) => {
  const axes = axesOf(axesInput, node);
  const dropped = axes
    ? normalizeAxes(axes, x!.dims.length)
    : x!.dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  return [
    withDims(
      x!,
      x!.dims.filter((_, axis) => !dropped.includes(axis)),
    ),
  ];
};

const unsqueeze: Op = ([x, axesInput], node) => {
  const axes = axesOf(axesInput, node) ?? [];
  const added = normalizeAxes(axes, x!.dims.length + axes.length);
  const rest = [...x!.dims];
  const dims = Array.from({ length: x!.dims.length + axes.length }, (_, axis) =>
    added.includes(axis) ? 1 : rest.shift()!,
  );
  return [withDims(x!, dims)];
};

const expand: Op = ([x, shape]) => [broadcastTo(x!, broadcastDims(x!.dims, [...shape!.data]))];

const concat: Op = (inputs, node) => {
  const arrays = inputs.map((array) => array!);
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), arrays[0]!.dims.length);
  const dims = [...arrays[0]!.dims];
  dims[axis] = arrays.reduce((sum, array) => sum + array.dims[axis]!, 0);
  return [
    generate(dims, (index) => {
      const local = [...index];
      const source = arrays.find((array) => {
        if (local[axis]! < array.dims[axis]!) return true;
        local[axis]! -= array.dims[axis]!;
        return false;
      })!;
      return source.data[dot(stridesOf(source.dims), local)]!;
    }),
  ];
};

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

const slice: Op = ([x, starts, ends, axesInput, stepsInput]) => {
  const rank = x!.dims.length;
  const axes = normalizeAxes(axesInput ? [...axesInput.data] : [...starts!.data.keys()], rank);
  const first = new Array<number>(rank).fill(0);
  const step = new Array<number>(rank).fill(1);
  const dims = [...x!.dims];
  axes.forEach((axis, i) => {
    const size = x!.dims[axis]!;
    const by = stepsInput?.data[i] ?? 1;
    const wrap = (value: number) => (value < 0 ? value + size : value);
    const start = clamp(wrap(starts!.data[i]!), 0, by > 0 ? size : size - 1);
    const end = clamp(wrap(ends!.data[i]!), by > 0 ? 0 : -1, size);
    first[axis] = start;
    step[axis] = by;
    dims[axis] = Math.max(0, Math.ceil((end - start) / by));
  });
  const strides = stridesOf(x!.dims);
  return [
    generate(
      dims,
      (index) =>
        x!.data[
          dot(
            strides,
            index.map((at, axis) => first[axis]! + at * step[axis]!),
          )
        ]!,
    ),
  ];
};

/** The sizes of the parts: as given, or equal with a smaller last one. */
function partSizes(size: number, split: NdArray | undefined, node: Node): number[] {
  if (split) return [...split.data];
  const parts = intAttribute(node, 'num_outputs', node.output.length);
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, part) => Math.min(each, size - part * each));
}

const split: Op = ([x, sizes], node) => {
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), x!.dims.length);
  const strides = stridesOf(x!.dims);
  let start = 0;
  return partSizes(x!.dims[axis]!, sizes, node).map((size) => {
    const from = start;
    start += size;
    const dims = x!.dims.map((dim, other) => (other === axis ? size : dim));
    return generate(dims, (index) => x!.data[dot(strides, index) + from * strides[axis]!]!);
  });
};

const tile: Op = ([x, repeats]) => {
  const strides = stridesOf(x!.dims);
  const dims = x!.dims.map((dim, axis) => dim * repeats!.data[axis]!);
  return [
    generate(
      dims,
      (index) =>
        x!.data[
          dot(
            strides,
            index.map((at, axis) => at % x!.dims[axis]!),
          )
        ]!,
    ),
  ];
};

/** Blocks of channels become blocks of pixels; the block is the first factor of the channels (DCR) or the last (CRD). */
const depthToSpace: Op = ([x], node) => {
  const b = intAttribute(node, 'blocksize', 1);
  const blockLast = stringAttribute(node, 'mode', 'DCR') === 'CRD';
  const [n, c, h, w] = x!.dims as [number, number, number, number];
  const channels = c / (b * b);
  const strides = stridesOf(x!.dims);
  return [
    generate([n, channels, h * b, w * b], ([image, channel, row, column]) => {
      const block = (row! % b) * b + (column! % b);
      const source = blockLast ? channel! * b * b + block : block * channels + channel!;
      return x!.data[dot(strides, [image!, source, Math.floor(row! / b), Math.floor(column! / b)])]!;
    }),
  ];
};

const spaceToDepth: Op = ([x], node) => {
  const b = intAttribute(node, 'blocksize', 1);
  const [n, c, h, w] = x!.dims as [number, number, number, number];
  const strides = stridesOf(x!.dims);
  return [
    generate([n, c * b * b, h / b, w / b], ([image, channel, row, column]) => {
      const block = Math.floor(channel! / c);
      const [down, right] = [Math.floor(block / b), block % b];
      return x!.data[dot(strides, [image!, channel! % c, row! * b + down, column! * b + right])]!;
    }),
  ];
};

/** Keeps the upper or the lower triangle of each matrix, from diagonal k on. */
const trilu: Op = ([x, k], node) => {
  const [upper, diagonal] = [intAttribute(node, 'upper', 1) === 1, k?.data[0] ?? 0];
  const strides = stridesOf(x!.dims);
  return [
    generate(x!.dims, (index) => {
      const offset = index.at(-1)! - index.at(-2)!;
      return (upper ? offset >= diagonal : offset <= diagonal) ? x!.data[dot(strides, index)]! : 0;
    }),
  ];
};

/** Turns the first elements of each sequence round, as many as it is long. */
const reverseSequence: Op = ([x, lengths], node) => {
  const [time, batch] = [intAttribute(node, 'time_axis', 0), intAttribute(node, 'batch_axis', 1)];
  const strides = stridesOf(x!.dims);
  return [
    generate(x!.dims, (index) => {
      const length = lengths!.data[index[batch]!]!;
      const at = [...index];
      if (at[time]! < length) at[time] = length - 1 - at[time]!;
      return x!.data[dot(strides, at)]!;
    }),
  ];
};

export const shapes: OpTable = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Concat: concat,
  Slice: slice,
  Split: split,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: trilu,
  'com.microsoft:Trilu': trilu,
  ReverseSequence: reverseSequence,
  Shape: ([x]) => [ndArray([x!.dims.length], x!.dims)],
  Size: ([x]) => [ndArray([], [x!.data.length])],
};
