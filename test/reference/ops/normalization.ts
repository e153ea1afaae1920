import { floatAttribute, intAttribute } from '../../../src/onnx/attributes.js';
import { filled, type NdArray, ndArray, sizeOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** Population statistics of each channel over the batch and the spatial axes: [mean, variance], each [C]. */
function channelStatistics(x: NdArray): [NdArray, NdArray] {
  const channels = x.dims[1]!;
  const spatial = sizeOf(x.dims.slice(2));
  const count = x.data.length / channels;
  const [mean, variance] = [filled([channels]), filled([channels])];
  const channelOf = (index: number) => Math.floor(index / spatial) % channels;
  x.data.forEach((value, index) => {
    mean.data[channelOf(index)]! += value / count;
  });
  x.data.forEach((value, index) => {
    const channel = channelOf(index);
    variance.data[channel]! += (value - mean.data[channel]!) ** 2 / count;
  });
  return [mean, variance];
}

/** Opset 15: x [N, C, …]; scale, bias, mean, variance [C] → y, and in training mode the new running statistics. */
const batchNormalization: Op = ([x, scale, bias, inputMean, inputVariance], node) => {
  const training = intAttribute(node, 'training_mode', 0) !== 0;
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const momentum = floatAttribute(node, 'momentum', 0.9);
  const [mean, variance] = training ? channelStatistics(x!) : [inputMean!, inputVariance!];
  const spatial = sizeOf(x!.dims.slice(2));
  const y = x!.data.map((value, index) => {
    const c = Math.floor(index / spatial) % x!.dims[1]!;
    const normalized = (value - mean.data[c]!) / Math.sqrt(variance.data[c]! + epsilon);
    return normalized * scale!.data[c]! + bias!.data[c]!;
  });
  if (!training) return [ndArray(x!.dims, y)];
  const running = (old: NdArray, current: NdArray) =>
    ndArray(
      old.dims,
      old.data.map((value, c) => momentum * value + (1 - momentum) * current.data[c]!),
    );
  return [ndArray(x!.dims, y), running(inputMean!, mean), running(inputVariance!, variance)];
};

export const normalization: OpTable = { BatchNormalization: batchNormalization };
