import { intAttribute, intsAttribute } from '../../../src/onnx/attributes.js';
import { dot, filled, forEachIndex, type NdArray, normalizeAxes, stridesOf } from '../nd-array.js';
import { mapLines } from './axis-line.js';
import type { Op, OpTable } from './op.js';

const lpNormalization: Op = ([x], node) => {
  const axis = intAttribute(node, 'axis', -1);
  const power = intAttribute(node, 'p', 2);
  return [
    mapLines(x!, axis, x!.dims.at(axis)!, (line) => {
      const norm = line.reduce((sum, value) => sum + Math.abs(value) ** power, 0) ** (1 / power);
      return line.map((value) => (norm === 0 ? 0 : value / norm));
    }),
  ];
};

/** Means over some axes, stretched back to the shape. */
function meansOver(x: NdArray, axes: readonly number[]): NdArray {
  const kept = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  const means = filled(kept);
  const share = means.data.length / x.data.length;
  forEachIndex(x.dims, (index, flat) => {
    means.data[dot(strides, index)]! += x.data[flat]! * share;
  });
  const all = filled(x.dims);
  forEachIndex(x.dims, (index, flat) => {
    all.data[flat] = means.data[dot(strides, index)]!;
  });
  return all;
}

const meanVarianceNormalization: Op = ([x], node) => {
  const axes = normalizeAxes(intsAttribute(node, 'axes', [0, 2, 3]), x!.dims.length);
  const means = meansOver(x!, axes);
  const centred = { dims: x!.dims, data: x!.data.map((value, i) => value - means.data[i]!) };
  const variances = meansOver({ ...centred, data: centred.data.map((value) => value * value) }, axes);
  return [{ ...centred, data: centred.data.map((value, i) => value / Math.sqrt(variances.data[i]!)) }];
};

export const axisNorms: OpTable = {
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
};
