import { floatAttribute, intAttribute } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import {
  broadcastDims,
  broadcastTo,
  filled,
  type NdArray,
  ndArray,
  normalizeAxis,
  sizeOf,
} from '../nd-array.js';
import type { Op, OpTable } from './op.js';

const add = (a: NdArray, b: NdArray): NdArray => {
  const dims = broadcastDims(a.dims, b.dims);
  const [left, right] = [broadcastTo(a, dims), broadcastTo(b, dims)];
  return ndArray(
    dims,
    left.data.map((value, index) => value + right.data[index]!),
  );
};

interface Statistics {
  y: NdArray;
  mean: NdArray;
  inverse: NdArray;
}

/** Each run of the axes from `axis` on: less its mean where `centre` says so, divided by √(mean square + ε), times scale, plus bias. */
function normalize(
  x: NdArray,
  scale: NdArray,
  bias: NdArray | undefined,
  axis: number,
  epsilon: number,
  centre: boolean,
): Statistics {
  const inner = x.dims.slice(axis);
  const size = sizeOf(inner);
  const outer = x.dims.map((dim, at) => (at < axis ? dim : 1));
  const y = filled(x.dims);
  const [mean, inverse] = [filled(outer), filled(outer)];
  const [gain, offset] = [broadcastTo(scale, inner), bias && broadcastTo(bias, inner)];
  for (let row = 0; row < sizeOf(outer); row++) {
    const values = x.data.subarray(row * size, (row + 1) * size);
    const average = centre ? values.reduce((sum, value) => sum + value, 0) / size : 0;
    const square = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / size;
    mean.data[row] = average;
    inverse.data[row] = 1 / Math.sqrt(square + epsilon);
    values.forEach((value, index) => {
      y.data[row * size + index] =
        (value - average) * inverse.data[row]! * gain.data[index]! + (offset?.data[index] ?? 0);
    });
  }
  return { y, mean, inverse };
}

const ofAxis =
  (centre: boolean): Op =>
  ([x, scale, bias], node) => {
    const axis = normalizeAxis(intAttribute(node, 'axis', -1), x!.dims.length);
    const { y, mean, inverse } = normalize(
      x!,
      scale!,
      bias,
      axis,
      floatAttribute(node, 'epsilon', 1e-5),
      centre,
    );
    return centre ? [y, mean, inverse] : [y, inverse];
  };

/** Planes [n, group of channels] of x, then scale and bias, each for an equal share of the channels. */
function normalizePlanes(
  x: NdArray,
  scale: NdArray,
  bias: NdArray,
  groups: number,
  epsilon: number,
): NdArray {
  const [batch, channels] = x.dims as [number, number];
  const rows = ndArray([batch * groups, x.data.length / (batch * groups)], x.data);
  const { y } = normalize(rows, ndArray([1], [1]), undefined, 1, epsilon, true);
  const spatial = sizeOf(x.dims.slice(2));
  const share = channels / scale.data.length;
  return ndArray(
    x.dims,
    y.data.map((value, index) => {
      const entry = Math.floor((Math.floor(index / spatial) % channels) / share);
      return value * scale.data[entry]! + bias.data[entry]!;
    }),
  );
}

const instanceNormalization: Op = ([x, scale, bias], node) => [
  normalizePlanes(x!, scale!, bias!, x!.dims[1]!, floatAttribute(node, 'epsilon', 1e-5)),
];

const groupNormalization: Op = ([x, scale, bias], node) => [
  normalizePlanes(
    x!,
    scale!,
    bias!,
    intAttribute(node, 'num_groups', 1),
    floatAttribute(node, 'epsilon', 1e-5),
  ),
];

const localResponse: Op = ([x], node) => {
  const size = intAttribute(node, 'size', 1);
  const [alpha, beta, bias] = [
    floatAttribute(node, 'alpha', 1e-4),
    floatAttribute(node, 'beta', 0.75),
    floatAttribute(node, 'bias', 1),
  ];
  const channels = x!.dims[1]!;
  const spatial = sizeOf(x!.dims.slice(2));
  return [
    ndArray(
      x!.dims,
      x!.data.map((value, index) => {
        const channel = Math.floor(index / spatial) % channels;
        let squares = 0;
        for (
          let other = Math.max(0, channel - Math.floor((size - 1) / 2));
          other <= Math.min(channels - 1, channel + Math.ceil((size - 1) / 2));
          other++
        )
          squares += x!.data[index + (other - channel) * spatial]! ** 2;
        return value / (bias + (alpha / size) * squares) ** beta;
      }),
    ),
  ];
};

const skip =
  (centre: boolean, biasAt: number): Op =>
  (inputs, node) => {
    const [x, other, gamma, beta] = inputs;
    const sum = add(x!, other!);
    const total = inputs[biasAt] ? add(sum, inputs[biasAt]!) : sum;
    const epsilon = floatAttribute(node, 'epsilon', 1e-12);
    const { y } = normalize(total, gamma!, centre ? beta : undefined, total.dims.length - 1, epsilon, centre);
    return [y, y, y, total];
  };

const row = (table: NdArray, id: number): Float64Array => {
  const width = table.dims[1]!;
  return table.data.subarray(id * width, (id + 1) * width);
};

const embed: Op = (
  [words, segments, wordTable, positionTable, segmentTable, gamma, beta, mask, positions],
  node,
) => {
  const [batch, length] = words!.dims as [number, number];
  const width = wordTable!.dims[1]!;
  const sum = filled([batch, length, width]);
  words!.data.forEach((id, at) => {
    const position = positions ? positions.data[at % positions.data.length]! : at % length;
    for (let i = 0; i < width; i++) {
      sum.data[at * width + i] =
        row(wordTable!, id)[i]! +
        row(positionTable!, position)[i]! +
        (segments ? row(segmentTable!, segments.data[at]!)[i]! : 0);
    }
  });
  const { y } = normalize(sum, gamma!, beta, 2, floatAttribute(node, 'epsilon', 1e-12), true);
  const counts = Array.from({ length: batch }, (_, n) =>
    mask ? mask.data.subarray(n * length, (n + 1) * length).reduce((total, value) => total + value, 0) : 0,
  );
  return [y, ndArray([batch], counts), sum];
};

export const layerNormalization: OpTable = {
  LayerNormalization: ofAxis(true),
  RMSNormalization: ofAxis(false),
  SimplifiedLayerNormalization: ofAxis(false),
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LRN: localResponse,
  [`${microsoft}:SkipLayerNormalization`]: skip(true, 4),
  [`${microsoft}:SkipSimplifiedLayerNormalization`]: skip(false, 3),
  [`${microsoft}:EmbedLayerNormalization`]: embed,
};
