import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin } from '../../../src/lowering/targets.js';
import { mlp } from '../../../src/models/mlp.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { tensorData } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { cosine, norm } from '../../vector-math.js';
import { gradientsOf } from './precision-gradients.js';

const runtime = openRuntime('stock');
const options = { loss: crossEntropy(), batch: 8, target: flatmin };

const take = (model: ModelProto, precision: 'fp32' | 'fp16', scale?: number) =>
  gradientsOf(runtime, model, { ...options, precision }, scale);

/** Layers whose weights are so small that float16 loses the gradient of the first: about 1e-8, where the least is 6e-8. */
function withSmallGradients(): ModelProto {
  const model = mlp({ inputShape: [1, 4, 4], hidden: [16, 16] });
  for (const tensor of model.graph.initializer.filter(({ name }) => /layer[23]\.weight/.test(name!))) {
    const values = (tensorData(tensor) as Float32Array).map((value) => value * 3e-4);
    tensor.rawData = new Uint8Array(values.buffer);
  }
  return model;
}

test('gradients that float16 loses are kept by the loss scale', async (t) => {
  const model = withSmallGradients();
  const first = 16 * 16;
  const ofFirst = (gradients: Float32Array) => gradients.subarray(0, first);
  const full = await take(model, 'fp32');
  t.true(norm(ofFirst(full.gradients)) > 0);
  const unscaled = await take(model, 'fp16', 1);
  t.is(norm(ofFirst(unscaled.gradients)), 0);
  const scaled = await take(model, 'fp16', 2 ** 16);
  t.true(cosine(ofFirst(full.gradients), ofFirst(scaled.gradients)) > 0.995);
  t.true(Math.abs(norm(ofFirst(scaled.gradients)) / norm(ofFirst(full.gradients)) - 1) < 0.05);
});

test('the loss does not see the scale, and gradients divided by it are the same to half precision', async (t) => {
  const model = wideResNet({ depth: 10, width: 1 });
  const [small, large] = await Promise.all([take(model, 'fp16', 2 ** 8), take(model, 'fp16', 2 ** 12)]);
  t.is(small.loss, large.loss);
  t.deepEqual(small.statistics, large.statistics);
  t.true(cosine(small.gradients, large.gradients) > 0.9999);
});

test('a scale that is too large makes gradients infinite, and leaves the loss and the statistics alone', async (t) => {
  const model = wideResNet({ depth: 10, width: 1 });
  const [usual, overflowed] = await Promise.all([take(model, 'fp16', 2 ** 8), take(model, 'fp16', 2 ** 40)]);
  t.true(overflowed.gradients.some((value) => !Number.isFinite(value)));
  t.is(overflowed.loss, usual.loss);
  t.deepEqual(overflowed.statistics, usual.statistics);
});
