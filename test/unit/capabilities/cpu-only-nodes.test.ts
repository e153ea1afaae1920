import test from 'ava';
import { cpuOnlyNodes } from '../../../src/capabilities/cpu-only-nodes.js';
import { hasHalfKernel } from '../../../src/capabilities/half-kernels.js';
import { trainingCpu, trainingCuda } from '../../../src/capabilities/tables.js';
import { targetOf } from '../../../src/capabilities/target-for.js';
import { buildGraph } from '../../../src/compile/build-graph.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { mlp } from '../../../src/models/mlp.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { GraphBuilder } from '../../../src/onnx/builder.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import type { ValueTypes } from '../../../src/onnx/value-types.js';
import { openRuntime } from '../../../src/ort/library.js';

const named = (found: ReturnType<typeof cpuOnlyNodes>) =>
  found.map(({ node, reason }) => `${node.opType}: ${reason}`);

for (const [name, model] of [
  ['WRN-16-2', wideResNet({ depth: 16, width: 2 })],
  ['a small CNN', smallCnn({ inputShape: [1, 8, 8] })],
  ['an MLP', mlp({ inputShape: [1, 8, 8] })],
] as const) {
  test(`a training step of ${name} runs on a GPU alone`, async (t) => {
    const target = targetOf(trainingCuda);
    const built = await buildGraph(openRuntime('stock'), model, { loss: crossEntropy(), target, batch: 2 });
    t.deepEqual(named(cpuOnlyNodes(built.model.graph, built.types, trainingCuda)), []);
    t.is(cpuOnlyNodes(built.model.graph, built.types, trainingCpu).length, built.model.graph.node.length);
  });
}

test('nodes without a CUDA kernel, and those that wait for the GPU, are named', (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [4]);
  const types: ValueTypes = new Map([[x, { type: DataType.float, dims: [4] }]]);
  const op = (opType: string, inputs: string[], domain = '') =>
    builder.op(opType, inputs, {}, { outputs: [builder.fresh(opType)], domain });
  op('Relu', [x]);
  op('Atan', [x]);
  op('NonZero', [x]);
  op('MaxPoolGrad', [x, x]);
  op('BroadcastGradientArgs', [x, x], 'com.microsoft');
  op('ConvGrad', [x, x, x], 'com.microsoft');
  // Constants are folded before the graph runs.
  op('Atan', [builder.scalar(1)]);
  t.deepEqual(named(cpuOnlyNodes(builder.graph, types, trainingCuda)), [
    'Atan: no kernel',
    'NonZero: waits',
    'MaxPoolGrad: no kernel',
    'BroadcastGradientArgs: no kernel',
  ]);
  const without = { ...trainingCuda, kernels: {} };
  t.true(named(cpuOnlyNodes(builder.graph, types, without)).includes('ConvGrad: no kernel'));
});

test('a kernel for other element types does not count', (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'double', [2, 3]);
  const types: ValueTypes = new Map([['x', { type: DataType.double, dims: [2, 3] }]]);
  types.set(builder.op('LpNormalization', ['x']), { type: DataType.double, dims: [2, 3] });
  types.set(builder.op('Softmax', ['x']), { type: DataType.double, dims: [2, 3] });
  t.deepEqual(named(cpuOnlyNodes(builder.graph, types, trainingCuda)), ['LpNormalization: no kernel']);
});

test('half-precision kernels by operator and type', (t) => {
  t.true(hasHalfKernel(trainingCuda, 'com.microsoft:ConvGrad', 'float16'));
  t.false(hasHalfKernel(trainingCuda, 'com.microsoft:ConvGrad', 'bfloat16'));
  t.true(hasHalfKernel(trainingCuda, 'MatMul', 'bfloat16'));
  t.false(hasHalfKernel(trainingCuda, 'Reciprocal', 'bfloat16'));
  t.true(hasHalfKernel(trainingCuda, 'Reshape', 'bfloat16'));
  t.false(hasHalfKernel(trainingCuda, 'Atan', 'float16'));
  t.false(hasHalfKernel(trainingCpu, 'MatMul', 'float16'));
});
