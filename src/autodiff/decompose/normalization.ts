import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { Decomposition } from './context.js';

/** Groups of channels as the channels of InstanceNormalization; scale and bias are per group (opset 18) or per channel (21). */
const groupNormalization: Decomposition = (c) => {
  const [x, scale, bias] = [c.input(0), c.input(1), c.input(2)];
  const [batch, channels, ...spatial] = c.dims(x) as [number, number, ...number[]];
  const groups = intAttribute(c.node, 'num_groups', 1);
  const epsilon = c.node.attribute.filter(({ name }) => name === 'epsilon');
  const grouped = c.reshape(x, [batch, groups, elementCount([channels / groups, ...spatial])]);
  const normalized = c.op('InstanceNormalization', [
    grouped,
    c.floats([groups], Array(groups).fill(1)),
    c.floats([groups], Array(groups).fill(0)),
  ]);
  c.builder.graph.node.at(-1)!.attribute.push(...epsilon);
  const rows = c.dims(scale)[0]!;
  const perRow = [batch, rows, elementCount([channels / rows, ...spatial])];
  const scaled = c.op('Mul', [c.reshape(normalized, perRow), c.reshape(scale, [rows, 1])]);
  const shifted = c.op('Add', [scaled, c.reshape(bias, [rows, 1])]);
  c.defineReshaped(0, shifted, c.dims(x));
};

/** y = x / (bias + α/size · Σ x²)^β over a window of channels: the sum is a product with a constant band matrix. */
const localResponse: Decomposition = (c) => {
  const x = c.input(0);
  const [batch, channels, ...spatial] = c.dims(x) as [number, number, ...number[]];
  const size = intAttribute(c.node, 'size', 1);
  const [alpha, beta, bias] = [
    floatAttribute(c.node, 'alpha', 1e-4),
    floatAttribute(c.node, 'beta', 0.75),
    floatAttribute(c.node, 'bias', 1),
  ];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const band = new Float64Array(channels * channels).map((_, at) => {
    const [row, column] = [Math.floor(at / channels), at % channels];
    return column >= row - before && column <= row + after ? alpha / size : 0;
  });
  const flat = c.reshape(x, [batch, channels, elementCount(spatial)]);
  const squares = c.op('MatMul', [c.floats([channels, channels], band), c.op('Mul', [flat, flat])]);
  const power = c.op('Pow', [c.op('Add', [squares, c.scalar(bias)]), c.scalar(-beta)]);
  c.defineReshaped(0, c.op('Mul', [flat, power]), c.dims(x));
};

export const normalization: Record<string, Decomposition> = {
  GroupNormalization: groupNormalization,
  LRN: localResponse,
};
