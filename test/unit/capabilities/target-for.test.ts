import test from 'ava';
import { type Example, exampleNode } from '../../../src/capabilities/probe/example.js';
import * as examples from '../../../src/capabilities/probe/examples.js';
import { stockCpu, trainingCpu, trainingCuda } from '../../../src/capabilities/tables.js';
import { targetFor, targetOf } from '../../../src/capabilities/target-for.js';
import { isolate } from '../../../src/lowering/forms.js';
import { lower } from '../../../src/lowering/lower.js';
import { flatmin, type Target } from '../../../src/lowering/targets.js';
import { opKey } from '../../../src/onnx/domains.js';
import type { Node } from '../../../src/onnx/proto.js';
import type { ElementType } from '../../../src/onnx/tensors/element-types.js';
import { openRuntime } from '../../../src/ort/library.js';

const cpu = targetOf(trainingCpu);
const cuda = targetOf(trainingCuda);

function lowered(example: Example, target: Target, type: ElementType = 'float'): Node[] {
  const { node, types } = exampleNode(example, type);
  return lower(isolate([node], types), types, target).node;
}
const opsOf = (...args: Parameters<typeof lowered>): string[] => lowered(...args).map(opKey);

const convolution = (channels: number, kernel: number, group = 1, padsEnd?: number[]): Example =>
  examples.convGrad(
    [2, channels, 8, 8],
    16,
    {
      kernel: [kernel, kernel],
      padsBegin: [(kernel - 1) / 2, (kernel - 1) / 2],
      ...(padsEnd && { padsEnd }),
    },
    group,
  );

test('the stock runtime has flatmin’s kernels and no others', async (t) => {
  t.is(targetOf(stockCpu), flatmin);
  t.is(await targetFor(openRuntime('stock'), 'cpu'), flatmin);
});

test('on the CPU a training kernel is taken where it is faster than standard operators', (t) => {
  t.true(cpu.kernels);
  t.deepEqual(opsOf(examples.elementwise('ReluGrad', [4, 4]), cpu), ['com.microsoft:ReluGrad']);
  t.deepEqual(opsOf(examples.maxPoolGrad([1, 2, 4, 4], { kernel: [2, 2] }), cpu), ['MaxPoolGrad']);
  for (const slow of [
    examples.elementwise('FastGeluGrad', [4, 4]),
    examples.softmaxGrad('LogSoftmaxGrad_13', [4, 4], 1),
    examples.crossEntropyGrad([4, 4]),
    examples.layerNormGrad('LayerNormalizationGrad', [4, 4]),
    examples.convGrad([1, 2, 4, 4, 4], 2, { kernel: [3, 3, 3] }),
    examples.averagePoolGrad([1, 2, 4, 4], { kernel: [2, 2] }),
  ])
    t.false(
      opsOf(slow, cpu).includes(slow.domain ? `${slow.domain}:${slow.opType}` : slow.opType),
      slow.opType,
    );
});

test('a training kernel that is missing for a type is not taken', (t) => {
  t.false(opsOf(examples.elementwise('ReluGrad', [4, 4]), cpu, 'double').includes('com.microsoft:ReluGrad'));
});

test('convolutions on the CPU take flatmin’s kernels, the runtime’s, or standard operators', (t) => {
  const own = ['flatmin:ConvGradInput', 'flatmin:ConvGradWeight', 'ReduceSum'];
  t.deepEqual(opsOf(convolution(16, 3), cpu), own);
  t.deepEqual(opsOf(convolution(3, 3), cpu), own);
  // Wᵀ·dY; the sum over images of dY·Xᵀ, which gives dW
  const product = [
    'Transpose',
    'Conv',
    'Reshape',
    'Reshape',
    'Transpose',
    'MatMul',
    'ReduceSum',
    'Reshape',
    'ReduceSum',
  ];
  t.deepEqual(opsOf(convolution(16, 1), cpu), product, 'a small 1×1 kernel');
  t.deepEqual(opsOf(convolution(1024, 1), cpu), ['com.microsoft:ConvGrad'], 'a large one');
  t.deepEqual(opsOf(convolution(1, 3), cpu), own, 'one channel');
  t.deepEqual(opsOf(convolution(16, 3, 4), cpu), ['ConvTranspose', ...own.slice(1)], 'few channels a group');
  t.deepEqual(opsOf(convolution(16, 3, 16), cpu), own, 'depthwise');
  t.deepEqual(opsOf(convolution(16, 1), flatmin), product);
  t.true(
    opsOf(examples.convGrad([2, 16, 2, 2], 16, { kernel: [1, 1] }), flatmin).includes('Gemm'),
    'small images',
  );
  t.deepEqual(opsOf(examples.convGrad([2, 4, 9], 6, { kernel: [3] }), cpu), own, 'one axis');
  // ONNX Runtime 1.28 writes outside its memory there.
  t.false(opsOf(examples.convGrad([2, 4, 9], 6, { kernel: [3] }, 2), cpu).includes('com.microsoft:ConvGrad'));
});

test('on CUDA ConvGrad gets symmetric pads', (t) => {
  t.false(cuda.kernels);
  t.deepEqual(opsOf(convolution(16, 3), cuda), ['com.microsoft:ConvGrad']);
  const nodes = lowered(convolution(16, 3, 1, [2, 1]), cuda);
  t.deepEqual(nodes.map(opKey), ['Pad', 'com.microsoft:ConvGrad', 'Slice', 'ReduceSum']);
  t.deepEqual(nodes[1]!.attribute.find(({ name }) => name === 'pads')?.ints, [1, 1, 1, 1]);
  t.deepEqual(nodes[1]!.output.length, 2);
});

test('on CUDA labels are int64, and ops without a kernel are lowered', (t) => {
  t.deepEqual(opsOf(examples.crossEntropyGrad([4, 3], 'int32'), cuda), [
    'Cast',
    'com.microsoft:SoftmaxCrossEntropyLossGrad',
  ]);
  t.false(opsOf(examples.maxPoolGrad([1, 2, 4, 4], { kernel: [2, 2] }), cuda).includes('MaxPoolGrad'));
  t.false(opsOf(convolution(16, 3), cuda, 'bfloat16').includes('com.microsoft:ConvGrad'));
});

test('on CUDA batch statistics without a kernel for their type are sums', (t) => {
  const batchNorm = examples.batchNorm([4, 3, 5, 5]);
  t.true(opsOf(batchNorm, cuda).includes('com.microsoft:BatchNormInternal'));
  const ops = opsOf(batchNorm, targetOf({ ...trainingCuda, kernels: {} }));
  t.false(ops.some((op) => op.includes('BatchNorm')));
  t.true(ops.includes('ReduceSum'));
});
