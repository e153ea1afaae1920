import { intAttribute, intsAttribute } from '../../../src/onnx/attributes.js';
import { filled, forEachIndex, sizeOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';
import { forEachTap, windowOf } from './window.js';

const lpPool: Op = ([x], node) => {
  const p = intAttribute(node, 'p', 2);
  const window = windowOf(node, x!.dims.slice(2), intsAttribute(node, 'kernel_shape', []));
  const y = filled([...x!.dims.slice(0, 2), ...window.output]);
  const [inputSize, outputSize] = [sizeOf(window.input), sizeOf(window.output)];
  for (let plane = 0; plane < y.dims[0]! * y.dims[1]!; plane++) {
    forEachIndex(window.output, (position, outputOffset) => {
      let sum = 0;
      forEachTap(window, position, (_, inputOffset) => {
        if (inputOffset !== undefined) sum += Math.abs(x!.data[plane * inputSize + inputOffset]!) ** p;
      });
      y.data[plane * outputSize + outputOffset] = sum ** (1 / p);
    });
  }
  return [y];
};

const globalLpPool: Op = ([x], node) => {
  const p = intAttribute(node, 'p', 2);
  const [batch, channels, ...spatial] = x!.dims as [number, number, ...number[]];
  const size = sizeOf(spatial);
  const y = filled([batch, channels, ...spatial.map(() => 1)]);
  y.data.forEach((_, plane) => {
    const values = x!.data.subarray(plane * size, (plane + 1) * size);
    y.data[plane] = values.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p);
  });
  return [y];
};

export const lpPooling: OpTable = { LpPool: lpPool, GlobalLpPool: globalLpPool };
