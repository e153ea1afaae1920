import test from 'ava';
import { type BuiltGraph, buildGraph } from '../../../src/compile/build-graph.js';
import { FlatminError } from '../../../src/errors.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import * as targets from '../../../src/lowering/targets.js';
import { mlp } from '../../../src/models/mlp.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { intAttribute } from '../../../src/onnx/attributes.js';
import { opKey } from '../../../src/onnx/domains.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { cosine, norm } from '../../vector-math.js';
import { gradientsOf } from './precision-gradients.js';

const runtime = openRuntime('stock');
const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const loss = crossEntropy();
const wrn10 = wideResNet({ depth: 10, width: 1 });
const models = {
  'wrn-10-1': { model: wrn10, least: 0.998 },
  // PyTorch's autocast agrees with its own float32 as much: 0.9985 and 0.995.
  'wrn-16-1': { model: wideResNet({ depth: 16, width: 1 }), least: 0.992 },
  'wrn-10-1 with padded shortcuts': {
    model: wideResNet({ depth: 10, width: 1, shortcut: 'pad' }),
    least: 0.997,
  },
  'small CNN': { model: smallCnn({ inputShape: [3, 32, 32] }), least: 0.9999 },
  MLP: { model: mlp({ inputShape: [3, 8, 8], hidden: [32] }), least: 0.997 },
};

const on = [
  { runtime, target: targets.standard },
  { runtime, target: targets.flatmin },
  ...(trainingLibrary ? [{ runtime: openRuntime(trainingLibrary), target: targets.training }] : []),
];

for (const [name, { model, least }] of Object.entries(models)) {
  for (const { runtime: library, target } of on) {
    test(`${name} in fp16 on the ${target.name} target`, async (t) => {
      const options = { loss, batch: 8, target };
      const full = await gradientsOf(library, model, options);
      const half = await gradientsOf(library, model, { ...options, precision: 'fp16' }, 1024);
      t.true(Math.abs(half.loss / full.loss - 1) < 1e-3, `losses ${full.loss} and ${half.loss}`);
      const agreement = cosine(full.gradients, half.gradients);
      t.true(agreement > least, `cosine ${agreement}`);
      t.notDeepEqual(half.gradients, full.gradients, 'something is rounded');
      t.true(Math.abs(norm(half.gradients) / norm(full.gradients) - 1) < 0.02);
      // Statistics of activations that have been rounded.
      t.true(cosine(full.statistics, half.statistics) > 0.99999);
    });
  }
}

/** The mixed-precision graph as a device with half-precision kernels has it. */
const native = (precision: 'fp16' | 'bf16', halfKernels = (_: string) => true) =>
  buildGraph(runtime, wrn10, { loss, batch: 4, target: targets.training, precision, halfKernels });
const typesOf = ({ types }: BuiltGraph, names: readonly string[]) =>
  names.map((name) => types.get(name)?.type);

test('a WideResNet has the casts that it needs and no more', async (t) => {
  const built = await native('fp16');
  const { node } = built.model.graph;
  const casts = node.filter(({ opType }) => opType === 'Cast');
  const convolutions = node.filter(({ opType }) => opType === 'Conv').length;
  // Images, weights of the convolutions, weight and bias of the classifier; and of all but the images the gradients; the logits, both ways.
  t.is(casts.length, 1 + 2 * (convolutions + 2) + 2);
  const made = new Map(node.flatMap((each) => each.output.map((name) => [name, each] as const)));
  t.deepEqual(
    casts.filter(({ input }) => made.get(input[0]!)?.opType === 'Cast').map(({ name }) => name),
    [],
  );
  t.is(new Set(casts.map((cast) => `${cast.input[0]} ${intAttribute(cast, 'to', 0)}`)).size, casts.length);
});

test('its activations are half precision, its statistics and gradients of parameters float32', async (t) => {
  const built = await native('fp16');
  const { float, float16 } = DataType;
  for (const node of built.model.graph.node) {
    const key = opKey(node);
    if (key === 'Conv' || key === 'com.microsoft:ConvGrad')
      t.deepEqual([...new Set(typesOf(built, node.input))], [float16], node.name);
    if (key === 'Add' || key === 'Relu') t.deepEqual(typesOf(built, node.output), [float16], node.name);
    if (key === 'com.microsoft:BatchNormInternal')
      t.deepEqual(typesOf(built, node.output), [float16, float, float, float, float], node.name);
    if (key === 'com.microsoft:BatchNormalizationGrad')
      t.deepEqual(typesOf(built, node.output), [float16, float, float], node.name);
  }
  const outputs = [...built.parameters, ...built.movedStatistics].map(({ output }) => output);
  t.deepEqual([...new Set(typesOf(built, [...outputs, built.loss]))], [float]);
});

test('the loss scale is an input of fp16 alone, and tf32 the float32 graph', async (t) => {
  const options = { loss, batch: 4, target: targets.standard };
  const build = (precision: 'fp32' | 'tf32' | 'fp16' | 'bf16') =>
    buildGraph(runtime, wrn10, { ...options, precision });
  const scales = await Promise.all((['fp32', 'tf32', 'bf16', 'fp16'] as const).map(build));
  t.deepEqual(
    scales.map(({ lossScale }) => lossScale),
    [undefined, undefined, undefined, 'loss_scale'],
  );
  const [fp32, tf32] = scales;
  t.deepEqual(tf32!.model.graph.node, fp32!.model.graph.node);
  const { graph } = scales[3]!.model;
  t.deepEqual(graph.input.filter(({ name }) => name === 'loss_scale').length, 1);
});

test('bf16 rounds on the CPU, where there is no kernel, and is refused where convolutions would need one', async (t) => {
  const options = { loss, batch: 8, target: targets.standard };
  const full = await gradientsOf(runtime, wrn10, options);
  const half = await gradientsOf(runtime, wrn10, { ...options, precision: 'bf16' });
  const agreement = cosine(full.gradients, half.gradients);
  t.true(agreement > 0.98 && agreement < 0.995, `cosine ${agreement}`);
  const error = await t.throwsAsync(native('bf16'), { instanceOf: FlatminError });
  t.regex(error!.message, /received bf16: ONNX Runtime has no bfloat16 kernels of .*com.microsoft:ConvGrad/);
});

test('an operator without a half-precision kernel is named', async (t) => {
  const error = await t.throwsAsync(
    native('fp16', (op) => op !== 'GlobalAveragePool'),
    {
      instanceOf: FlatminError,
    },
  );
  t.regex(error!.message, /fp32 or tf32 .* received fp16: .* no float16 kernels of GlobalAveragePool here/);
});
