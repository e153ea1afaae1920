import { intAttribute, intsAttribute } from '../../../src/onnx/attributes.js';
import { filled, forEachIndex, type NdArray, sizeOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';
import { forEachTap, windowOf } from './window.js';

/** Beside the maxima, their flat positions in x: row-major, or column-major within a plane for storage_order 1. */
const maxPool: Op = ([x], node) => {
  const window = windowOf(node, x!.dims.slice(2), intsAttribute(node, 'kernel_shape', []));
  const y = filled([...x!.dims.slice(0, 2), ...window.output], -Infinity);
  const positions = filled(y.dims);
  const [inputSize, outputSize] = [sizeOf(window.input), sizeOf(window.output)];
  const byColumn = intAttribute(node, 'storage_order', 0) === 1;
  forEachIndex(window.output, (position, outputOffset) => {
    forEachTap(window, position, (_, inputOffset) => {
      if (inputOffset === undefined) return;
      for (let plane = 0; plane < y.dims[0]! * y.dims[1]!; plane++) {
        const at = plane * outputSize + outputOffset;
        const value = x!.data[plane * inputSize + inputOffset]!;
        if (value <= y.data[at]!) continue;
        y.data[at] = value;
        positions.data[at] =
          plane * inputSize + (byColumn ? columnMajor(inputOffset, window.input) : inputOffset);
      }
    });
  });
  return [y, positions];
};

/** The position of a row-major one when the first axis is the fastest. */
function columnMajor(offset: number, sizes: readonly number[]): number {
  let [rest, result] = [offset, 0];
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    result += (rest % sizes[axis]!) * sizeOf(sizes.slice(0, axis));
    rest = Math.floor(rest / sizes[axis]!);
  }
  return result;
}

/** count_include_pad counts the padding, but not what ceil_mode lets a window reach beyond it. */
const averagePool: Op = ([x], node) => {
  const window = windowOf(node, x!.dims.slice(2), intsAttribute(node, 'kernel_shape', []));
  const countPadding = intAttribute(node, 'count_include_pad', 0) !== 0;
  const y = filled([...x!.dims.slice(0, 2), ...window.output]);
  const planes = y.dims[0]! * y.dims[1]!;
  const [inputSize, outputSize] = [sizeOf(window.input), sizeOf(window.output)];
  forEachIndex(window.output, (position, outputOffset) => {
    let count = 0;
    forEachTap(window, position, (_, inputOffset, insidePadding) => {
      if (inputOffset !== undefined || (countPadding && insidePadding)) count++;
      if (inputOffset === undefined) return;
      for (let plane = 0; plane < planes; plane++) {
        y.data[plane * outputSize + outputOffset]! += x!.data[plane * inputSize + inputOffset]!;
      }
    });
    for (let plane = 0; plane < planes; plane++) y.data[plane * outputSize + outputOffset]! /= count;
  });
  return [y];
};

/** Reduces each [n, c] plane to one element. */
function globalPool(x: NdArray, reduce: (plane: Float64Array) => number): NdArray {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const size = sizeOf(spatial);
  const y = filled([batch, channels, ...spatial.map(() => 1)]);
  for (let plane = 0; plane < y.data.length; plane++) {
    y.data[plane] = reduce(x.data.subarray(plane * size, (plane + 1) * size));
  }
  return y;
}

export const pooling: OpTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: ([x]) => [
    globalPool(x!, (plane) => plane.reduce((sum, value) => sum + value, 0) / plane.length),
  ],
  GlobalMaxPool: ([x]) => [globalPool(x!, (plane) => Math.max(...plane))],
};
