import { intAttribute } from '../../../src/onnx/attributes.js';
import { dot, generate, normalizeAxis, stridesOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

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

export const indexing: OpTable = { Gather: gather, OneHot: oneHot };
