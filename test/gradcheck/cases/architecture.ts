import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { fixed, type GradientCase, wrt } from '../case.js';

const pads = [1, 1, 1, 1];
const hidden = 4;

/** [batch, length, width] to [batch, heads, length, width / heads]. */
const splitHeads = (builder: GraphBuilder, x: string, dims: readonly number[]): string =>
  builder.op('Transpose', [builder.op('Reshape', [x, builder.ints(dims)])], { perm: [0, 2, 1, 3] });

/** What models are built of, in small, with the structured ops as exporters write them. */
export const architectureCases: GradientCase[] = [
  {
    name: 'U-Net in small: transposed convolution, skip, linear upsampling',
    inputs: {
      x: wrt([2, 1, 8, 8]),
      down: wrt([2, 1, 3, 3]),
      up: wrt([2, 2, 2, 2]),
      upBias: fixed([2]),
      scale: wrt([4], 'positive'),
      bias: wrt([4]),
      out: wrt([1, 4, 3, 3]),
    },
    build: (builder) => {
      const first = builder.op('Relu', [builder.op('Conv', ['x', 'down'], { pads })]);
      const pooled = builder.op('MaxPool', [first], { kernel_shape: [2, 2], strides: [2, 2] });
      const grown = builder.op('ConvTranspose', [pooled, 'up', 'upBias'], { strides: [2, 2] });
      const joined = builder.op('Concat', [first, grown], { axis: 1 });
      const normal = builder.op('InstanceNormalization', [joined, 'scale', 'bias']);
      const scales = builder.constant('float', [4], Float32Array.of(1, 1, 1.5, 1.5));
      return builder.op('Conv', [builder.op('Resize', [normal, '', scales], { mode: 'linear' }), 'out'], {
        pads,
      });
    },
  },
  {
    name: 'transformer block of matrix products and softmax',
    inputs: {
      x: wrt([2, 3, 8]),
      scale: wrt([8]),
      bias: wrt([8]),
      q: wrt([8, 8]),
      k: wrt([8, 8]),
      v: wrt([8, 8]),
      project: wrt([8, 8]),
    },
    build: (builder) => {
      const normal = builder.op('LayerNormalization', ['x', 'scale', 'bias']);
      const [q, k, v] = ['q', 'k', 'v'].map((weight) =>
        splitHeads(builder, builder.op('MatMul', [normal, weight]), [2, 3, 2, 4]),
      ) as [string, string, string];
      const scores = builder.op('MatMul', [q, builder.op('Transpose', [k], { perm: [0, 1, 3, 2] })]);
      const weights = builder.op('Softmax', [builder.op('Mul', [scores, builder.scalar(0.5)])], { axis: -1 });
      const mixed = builder.op('Transpose', [builder.op('MatMul', [weights, v])], { perm: [0, 2, 1, 3] });
      const flat = builder.op('Reshape', [mixed, builder.ints([2, 3, 8])]);
      return builder.op('Add', ['x', builder.op('MatMul', [flat, 'project'])]);
    },
  },
  {
    name: 'two layers of LSTM with one set of weights, and the last state',
    inputs: { x: wrt([3, 2, hidden]), w: wrt([1, 4 * hidden, hidden]), r: wrt([1, 4 * hidden, hidden]) },
    build: (builder) => {
      const attributes = { hidden_size: hidden };
      const first = builder.op('LSTM', ['x', 'w', 'r'], attributes);
      const sequence = builder.op('Squeeze', [first, builder.ints([1])]);
      const [all, last, cell] = builder.ops('LSTM', [sequence, 'w', 'r'], attributes, { count: 3 });
      const states = builder.op('Add', [last!, cell!]);
      return builder.op('Concat', [builder.op('Squeeze', [all!, builder.ints([1])]), states], { axis: 0 });
    },
  },
  {
    name: 'encoder and decoder of GRU that share a state',
    inputs: {
      x: wrt([3, 2, 3]),
      y: fixed([2, 2, 3]),
      w: wrt([1, 3 * hidden, 3]),
      r: wrt([1, 3 * hidden, hidden]),
      b: wrt([1, 6 * hidden]),
    },
    build: (builder) => {
      const attributes = { hidden_size: hidden, linear_before_reset: 1 };
      const outputs = ['', builder.fresh('state')];
      builder.ops('GRU', ['x', 'w', 'r', 'b'], attributes, { outputs });
      return builder.op('GRU', ['y', 'w', 'r', 'b', '', outputs[1]!], attributes);
    },
  },
  {
    name: 'a decomposed node on constants alone beside one that is trained',
    inputs: { x: fixed([2, 4, 3, 3]), w: wrt([2, 4, 3, 3]) },
    build: (builder) => {
      const still = builder.op('LRN', ['x'], { size: 3 });
      return builder.op('LRN', [builder.op('Mul', [still, 'w'])], { size: 3 });
    },
  },
];
