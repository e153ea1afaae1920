import test from 'ava';
import { prepareSessionModel } from '../../../src/autodiff/prepare/session-model.js';
import { buildGraph } from '../../../src/compile/build-graph.js';
import { evaluationModel } from '../../../src/compile/evaluation-model.js';
import { sizedModel } from '../../../src/compile/sized-model.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin, standard } from '../../../src/lowering/targets.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { flatminDomain } from '../../../src/onnx/domains.js';
import { dimsOf } from '../../../src/onnx/shapes/dimensions.js';
import { openRuntime } from '../../../src/ort/library.js';
import { TrainingSession } from '../../../src/session/session.js';

const runtime = openRuntime('stock');
const loss = crossEntropy();
const model = wideResNet({ depth: 10, width: 1, classes: 10, seed: 3 });

test('evaluation of one size has the kernels of the training graph', async (t) => {
  const prepared = prepareSessionModel(model, {});
  const built = await buildGraph(runtime, prepared, { loss, batch: 4, target: flatmin });
  const { separated } = await evaluationModel(runtime, prepared, { loss, built, batch: 4 });
  const forward = { ...model, graph: separated.graph };
  const sizes = new Map(separated.dataInputs.map(({ name }) => [name, built.types.get(name)!.dims]));
  const kernels = async (target: typeof flatmin) => {
    const { graph } = await sizedModel(runtime, forward, sizes, target);
    t.deepEqual(dimsOf(graph.input.find(({ name }) => name === 'images')!), [4, 3, 32, 32]);
    return graph.node.filter(({ domain }) => domain === flatminDomain).map(({ opType }) => opType);
  };
  const found = await kernels(flatmin);
  const count = (op: string) => model.graph.node.filter(({ opType }) => opType === op).length;
  t.is(found.filter((op) => op === 'RunningNorm').length, count('BatchNormalization'));
  t.true(found.includes('Conv'));
  t.deepEqual(await kernels(standard), []);
});

test('batches of the size of training and others are evaluated to the same', async (t) => {
  const images = (count: number) =>
    Float32Array.from({ length: count * 3072 }, (_, i) => Math.sin(0.37 * i + (i % 97)));
  const labels = (count: number) => BigInt64Array.from({ length: count }, (_, i) => BigInt((7 * i) % 10));
  const whole = { images: images(6), labels: labels(6) };
  const part = (first: number, count: number) => ({
    images: whole.images.slice(first * 3072, (first + count) * 3072),
    labels: whole.labels.slice(first, first + count),
  });
  const session = await TrainingSession.create(model, { loss, batch: 4, threads: 1, runtime });
  t.teardown(() => session.dispose());
  const expected = await session.evaluate([whole]);
  const found = await session.evaluate([part(0, 4), part(4, 2)]);
  t.is(found.samples, 6);
  t.is(found.accuracy, expected.accuracy);
  t.true(Math.abs(found.loss - expected.loss) < 1e-5 * expected.loss, `${found.loss}, ${expected.loss}`);
});
