import { intAttribute } from '../../../src/onnx/attributes.js';
import { filled, forEachIndex, sizeOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';
import { forEachTap, windowOf } from './window.js';

/** x [N, C, …], w [M, C / group, …kernel], bias [M] → y [N, M, …] */
const conv: Op = ([x, w, bias], node) => {
  const [batch, channels, ...spatial] = x!.dims as [number, number, ...number[]];
  const [maps, perGroup, ...kernel] = w!.dims as [number, number, ...number[]];
  const group = intAttribute(node, 'group', 1);
  if (perGroup * group !== channels)
    throw new Error(`Conv of ${channels} channels by ${perGroup} × ${group} groups.`);
  const window = windowOf(node, spatial, kernel);
  const y = filled([batch, maps, ...window.output]);
  const [inputSize, outputSize, kernelSize] = [spatial, window.output, kernel].map(sizeOf) as [
    number,
    number,
    number,
  ];
  forEachIndex(window.output, (position, outputOffset) => {
    forEachTap(window, position, (kernelOffset, inputOffset) => {
      if (inputOffset === undefined) return;
      for (let n = 0; n < batch; n++) {
        for (let m = 0; m < maps; m++) {
          const firstChannel = Math.floor(m / (maps / group)) * perGroup;
          let sum = 0;
          for (let c = 0; c < perGroup; c++) {
            sum +=
              x!.data[(n * channels + firstChannel + c) * inputSize + inputOffset]! *
              w!.data[(m * perGroup + c) * kernelSize + kernelOffset]!;
          }
          y.data[(n * maps + m) * outputSize + outputOffset]! += sum;
        }
      }
    });
  });
  if (bias) {
    for (let i = 0; i < y.data.length; i++) y.data[i]! += bias.data[Math.floor(i / outputSize) % maps]!;
  }
  return [y];
};

export const convolution: OpTable = { Conv: conv };
