import { intAttribute, intsAttribute, stringAttribute } from '../../../src/onnx/attributes.js';
import { filled, forEachIndex, sizeOf, stridesOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** x [N, C, …], w [C, M / group, …kernel], bias [M]: every x is spread over Y by the kernel, and Y is cut by the pads. */
const convTranspose: Op = ([x, w, bias], node) => {
  const [batch, channels, ...spatial] = x!.dims as [number, number, ...number[]];
  const [, perGroup, ...kernel] = w!.dims as [number, number, ...number[]];
  const group = intAttribute(node, 'group', 1);
  const ones = spatial.map(() => 1);
  const zeros = spatial.map(() => 0);
  const strides = intsAttribute(node, 'strides', ones);
  const dilations = intsAttribute(node, 'dilations', ones);
  const outputPadding = intsAttribute(node, 'output_padding', zeros);
  const pads = intsAttribute(node, 'pads', [...zeros, ...zeros]);
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const given = intsAttribute(node, 'output_shape');
  const begins: number[] = [];
  const sizes = spatial.map((size, axis) => {
    const full =
      strides[axis]! * (size - 1) + outputPadding[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1;
    if (!given && !autoPad.startsWith('SAME')) {
      begins[axis] = autoPad === 'VALID' ? 0 : pads[axis]!;
      return full - (autoPad === 'VALID' ? 0 : pads[axis]! + pads[axis + spatial.length]!);
    }
    const wanted = given?.[axis + given.length - spatial.length] ?? size * strides[axis]!;
    const total = Math.max(0, full - wanted);
    begins[axis] = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : total - Math.floor(total / 2);
    return wanted;
  });
  const maps = perGroup * group;
  const y = filled([batch, maps, ...sizes]);
  const outputStrides = stridesOf(sizes);
  const [inputSize, outputSize, kernelSize] = [spatial, sizes, kernel].map(sizeOf) as [
    number,
    number,
    number,
  ];
  forEachIndex(spatial, (position, inputOffset) => {
    forEachIndex(kernel, (tap, kernelOffset) => {
      const at = position.map(
        (p, axis) => p * strides[axis]! + tap[axis]! * dilations[axis]! - begins[axis]!,
      );
      if (at.some((p, axis) => p < 0 || p >= sizes[axis]!)) return;
      const outputOffset = at.reduce((sum, p, axis) => sum + p * outputStrides[axis]!, 0);
      for (let n = 0; n < batch; n++) {
        for (let c = 0; c < channels; c++) {
          const firstMap = Math.floor(c / (channels / group)) * perGroup;
          for (let m = 0; m < perGroup; m++) {
            y.data[(n * maps + firstMap + m) * outputSize + outputOffset]! +=
              x!.data[(n * channels + c) * inputSize + inputOffset]! *
              w!.data[(c * perGroup + m) * kernelSize + kernelOffset]!;
          }
        }
      }
    });
  });
  if (bias) {
    for (let i = 0; i < y.data.length; i++) y.data[i]! += bias.data[Math.floor(i / outputSize) % maps]!;
  }
  return [y];
};

export const transposedConvolution: OpTable = { ConvTranspose: convTranspose };
