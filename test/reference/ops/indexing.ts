import { hasAttribute, intAttribute, stringAttribute } from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import {
  dot,
  forEachIndex,
  generate,
  type NdArray,
  ndArray,
  normalizeAxis,
  sizeOf,
  stridesOf,
} from '../nd-array.js';
import { mapLines } from './axis-line.js';
import type { Op, OpTable } from './op.js';

/** A negative index counts from the end. */
const positive = (index: number, size: number): number => (index < 0 ? index + size : index);

/** The axis of data is replaced by the dimensions of indices. */
const gather: Op = ([data, indices], node) => {
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), data!.dims.length);
  const width = indices!.dims.length;
  const strides = stridesOf(data!.dims);
  const indexStrides = stridesOf(indices!.dims);
  const dims = [...data!.dims.slice(0, axis), ...indices!.dims, ...data!.dims.slice(axis + 1)];
  return [
    generate(dims, (index) => {
      const chosen = indices!.data[dot(indexStrides, index.slice(axis, axis + width))]!;
      const row = chosen < 0 ? chosen + data!.dims[axis]! : chosen;
      return data!.data[dot(strides, [...index.slice(0, axis), row, ...index.slice(axis + width)])]!;
    }),
  ];
};

/** An index outside [-depth, depth) gives a line of off values. */
const oneHot: Op = ([indices, depthInput, values], node) => {
  const depth = depthInput!.data[0]!;
  const axis = normalizeAxis(intAttribute(node, 'axis', -1), indices!.dims.length + 1);
  const strides = stridesOf(indices!.dims);
  const dims = [...indices!.dims.slice(0, axis), depth, ...indices!.dims.slice(axis)];
  return [
    generate(dims, (index) => {
      const chosen = indices!.data[dot(strides, [...index.slice(0, axis), ...index.slice(axis + 1)])]!;
      return values!.data[(chosen < 0 ? chosen + depth : chosen) === index[axis] ? 1 : 0]!;
    }),
  ];
};

const gatherElements: Op = ([data, indices], node) => {
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), data!.dims.length);
  const strides = stridesOf(data!.dims);
  const indexStrides = stridesOf(indices!.dims);
  return [
    generate(indices!.dims, (index) => {
      const at = [...index];
      at[axis] = positive(indices!.data[dot(indexStrides, index)]!, data!.dims[axis]!);
      return data!.data[dot(strides, at)]!;
    }),
  ];
};

/** Where the slices that index tuples name begin in data, and how long each is. */
function tupleOffsets(data: NdArray, indices: NdArray, batch: number): { offsets: number[]; length: number } {
  const tuple = indices.dims.at(-1)!;
  const strides = stridesOf(data.dims);
  const each = sizeOf(indices.dims.slice(batch, -1));
  const batchSize = sizeOf(data.dims.slice(batch));
  const offsets = Array.from({ length: sizeOf(indices.dims.slice(0, -1)) }, (_, at) => {
    const start = Math.floor(at / each) * batchSize;
    return Array.from({ length: tuple }, (_, i) => i).reduce(
      (sum, i) => sum + positive(indices.data[at * tuple + i]!, data.dims[batch + i]!) * strides[batch + i]!,
      start,
    );
  });
  return { offsets, length: sizeOf(data.dims.slice(batch + tuple)) };
}

const gatherND: Op = ([data, indices], node) => {
  const batch = intAttribute(node, 'batch_dims', 0);
  const { offsets, length } = tupleOffsets(data!, indices!, batch);
  const dims = [...indices!.dims.slice(0, -1), ...data!.dims.slice(batch + indices!.dims.at(-1)!)];
  return [
    ndArray(
      dims,
      offsets.flatMap((start) => [...data!.data.subarray(start, start + length)]),
    ),
  ];
};

const combinations: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

const combination = (node: Node) => combinations[stringAttribute(node, 'reduction', 'none')]!;

const scatterND: Op = ([data, indices, updates], node) => {
  const { offsets, length } = tupleOffsets(data!, indices!, 0);
  const combine = combination(node);
  const result = ndArray(data!.dims, data!.data);
  updates!.data.forEach((value, at) => {
    const to = offsets[Math.floor(at / length)]! + (at % length);
    result.data[to] = combine(result.data[to]!, value);
  });
  return [result];
};

const scatterElements: Op = ([data, indices, updates], node) => {
  const axis = normalizeAxis(intAttribute(node, 'axis', 0), data!.dims.length);
  const combine = combination(node);
  const strides = stridesOf(data!.dims);
  const result = ndArray(data!.dims, data!.data);
  forEachIndex(indices!.dims, (index, flat) => {
    const target = [...index];
    target[axis] = positive(indices!.data[flat]!, data!.dims[axis]!);
    const to = dot(strides, target);
    result.data[to] = combine(result.data[to]!, updates!.data[flat]!);
  });
  return [result];
};

/** The k largest or smallest along an axis, in order, and where they stood. */
const topK: Op = ([x, k], node) => {
  const axis = intAttribute(node, 'axis', -1);
  const sign = intAttribute(node, 'largest', 1) === 1 ? -1 : 1;
  const order = (line: Float64Array) =>
    [...line.keys()].sort((a, b) => sign * (line[a]! - line[b]!)).slice(0, k!.data[0]!);
  return [
    mapLines(x!, axis, k!.data[0]!, (line) => order(line).map((at) => line[at]!)),
    mapLines(x!, axis, k!.data[0]!, order),
  ];
};

/** The slices along an axis, or without one the elements, whose condition is true. */
const compress: Op = ([x, condition], node) => {
  const chosen = [...condition!.data.keys()].filter((at) => condition!.data[at] !== 0);
  if (!hasAttribute(node, 'axis'))
    return [
      ndArray(
        [chosen.length],
        chosen.map((at) => x!.data[at]!),
      ),
    ];
  const pick = (line: Float64Array) => chosen.map((at) => line[at]!);
  return [mapLines(x!, intAttribute(node, 'axis', 0), chosen.length, pick)];
};

/** The first largest or smallest along an axis; the last one with select_last_index. */
const extremePosition =
  (sign: number): Op =>
  ([x], node) => {
    const axis = normalizeAxis(intAttribute(node, 'axis', 0), x!.dims.length);
    const last = intAttribute(node, 'select_last_index', 0) === 1;
    const found = mapLines(x!, axis, 1, (line) => {
      const best = Math.max(...line.map((value) => sign * value));
      const hits = [...line.keys()].filter((at) => sign * line[at]! === best);
      return [last ? hits.at(-1)! : hits[0]!];
    });
    if (intAttribute(node, 'keepdims', 1) === 0) found.dims.splice(axis, 1);
    return [found];
  };

export const indexing: OpTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  OneHot: oneHot,
  TopK: topK,
  Compress: compress,
  ArgMax: extremePosition(1),
  ArgMin: extremePosition(-1),
};
