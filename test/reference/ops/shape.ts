import { intAttribute, intsAttribute } from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import {
  broadcastDims,
  broadcastTo,
  dot,
  generate,
  type NdArray,
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

/** Pads with a constant; a negative pad removes elements. */
const pad: Op = ([x, padsInput, value, axesInput], node) => {
  const mode = node.attribute.find(({ name }) => name === 'mode')?.s;
  if (mode && new TextDecoder().decode(mode) !== 'constant')
    throw new Error('Only constant padding is implemented.');
  const rank = x!.dims.length;
  const axes = axesInput ? normalizeAxes([...axesInput.data], rank) : x!.dims.map((_, axis) => axis);
  const begin = new Array<number>(rank).fill(0);
  const dims = [...x!.dims];
  axes.forEach((axis, i) => {
    begin[axis] = padsInput!.data[i]!;
    dims[axis]! += padsInput!.data[i]! + padsInput!.data[i + axes.length]!;
  });
  const strides = stridesOf(x!.dims);
  return [
    generate(dims, (index) => {
      const at = index.map((position, axis) => position - begin[axis]!);
      const inside = at.every((position, axis) => position >= 0 && position < x!.dims[axis]!);
      return inside ? x!.data[dot(strides, at)]! : (value?.data[0] ?? 0);
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
  Pad: pad,
};
