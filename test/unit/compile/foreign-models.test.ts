import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { readNpz } from '../../../src/formats/npz.js';
import {
  binaryCrossEntropy,
  crossEntropy,
  gradients,
  inspectModel,
  type Loss,
  meanSquaredError,
  negativeLogLikelihood,
  readModel,
  SGD,
  TrainingSession,
  type TrainingSessionOptions,
} from '../../../src/index.js';
import { tensorData } from '../../../src/onnx/tensors/tensor.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const folder = fileURLToPath(new URL('../../../../test/fixtures/models/foreign/', import.meta.url));
const path = (name: string, file = 'model.onnx') => join(folder, name, file);
const expected = (name: string) => JSON.parse(readFileSync(path(name, 'expected.json'), 'utf8'));

/** The arrays of a case, one of them under another name. */
async function batchOf(name: string, renamed: Readonly<Record<string, string>> = {}) {
  const arrays = await readNpz(path(name, 'inputs.npz'));
  return Object.fromEntries([...arrays].map(([key, array]) => [renamed[key] ?? key, array]));
}

const close = (found: ArrayLike<number>, wanted: readonly unknown[], tolerance: number) => {
  const flat = (wanted as number[][]).flat(Number.POSITIVE_INFINITY) as unknown as number[];
  const scale = Math.max(...flat.map(Math.abs), 1e-12);
  return (
    found.length === flat.length && flat.every((value, i) => Math.abs(found[i]! - value) <= tolerance * scale)
  );
};

const losses: readonly (readonly [name: string, loss: Loss, target: string, file?: string])[] = [
  ['frozen-bias-numeric-name', meanSquaredError(), 't'],
  ['fused-gemm', meanSquaredError(), 't'],
  ['grad-bn-default', crossEntropy(), 'labels'],
  ['identity-transpose-training-runtime', crossEntropy(), 'labels'],
  ['unset-dimension', crossEntropy(), 'labels'],
];
for (const [name, loss, target] of losses) {
  test(`${name}: loss and every gradient are the reference's`, async (t) => {
    const { loss: wanted, gradients: all } = expected(name);
    const batch = await batchOf(name, { [target]: target === 't' ? 'targets' : target });
    const found = await gradients(path(name), batch, { loss });
    t.true(Math.abs(found.loss - wanted) < 1e-5 * Math.abs(wanted), `${found.loss} for ${wanted}`);
    t.deepEqual([...found.gradients.keys()].sort(), Object.keys(all).sort());
    for (const [parameter, gradient] of found.gradients)
      t.true(close(gradient, all[parameter], 2e-5), parameter);
  });
}

test('keras-masked-lstm-loop: loss and gradients are Keras’', async (t) => {
  const { loss: wanted, 'gradients (Keras, float32)': all } = expected('keras-masked-lstm-loop');
  const batch = await batchOf('keras-masked-lstm-loop');
  const found = await gradients(path('keras-masked-lstm-loop'), batch, { loss: crossEntropy() });
  t.true(Math.abs(found.loss - wanted) < 1e-5);
  const unmatched = [...found.gradients].filter(
    ([, gradient]) => !Object.values(all).some((each) => close(gradient, each as unknown[], 1e-4)),
  );
  t.deepEqual(unmatched, []);
  t.is(found.gradients.size, 5);
  t.is(found.splits.size, 0);
});

test('keras-masked-lstm-loop: a GRU with a mask is trainable', async (t) => {
  const model = await readModel(path('keras-masked-lstm-loop', 'gru-reset-after-false.onnx'));
  t.true((await inspectModel(model, { loss: crossEntropy() })).trainable);
});

test('softmax-at-the-end: the loss is that of the probabilities, and of a sigmoid’s too', async (t) => {
  const wanted: number = expected('softmax-at-the-end')['cross-entropy of the probabilities'];
  const batch = await batchOf('softmax-at-the-end');
  for (const loss of [crossEntropy(), negativeLogLikelihood()]) {
    const found = await gradients(path('softmax-at-the-end'), batch, { loss });
    t.true(Math.abs(found.loss - wanted) < 1e-5);
    t.regex(found.notes.join(' '), /softmax/);
  }
  const binary = await batchOf('softmax-at-the-end', { t: 'targets' });
  const sigmoid = await gradients(path('softmax-at-the-end', 'sigmoid.onnx'), binary, {
    loss: binaryCrossEntropy(),
  });
  t.true(sigmoid.loss > 0 && sigmoid.loss < 1);
  t.regex(sigmoid.notes.join(' '), /sigmoid/);
});

/** Losses of SGD steps on one batch. */
async function steps(
  name: string,
  { lr, count, ...options }: { lr: number; count: number } & Partial<TrainingSessionOptions>,
  renamed: Readonly<Record<string, string>> = {},
) {
  const arrays = Object.entries(await batchOf(name, renamed));
  const batch = Object.fromEntries(arrays.map(([key, { data }]) => [key, data]));
  const size = arrays[0]![1].dims[0]!;
  const session = await TrainingSession.create(path(name), { loss: crossEntropy(), batch: size, ...options });
  const found: number[] = [];
  const optimizer = new SGD({ lr });
  for (let step = 0; step < count; step++) found.push((await session.step(batch, optimizer)).loss);
  return { session, losses: found };
}

test('shared-bn-initializers: each normalisation has a scale, a shift and statistics of its own', async (t) => {
  const wanted = expected('shared-bn-initializers');
  const { session, losses: found } = await steps('shared-bn-initializers', { lr: 0.2, count: 15 });
  t.true(close(found, wanted['losses of 15 SGD steps, lr 0.2 (torch float64)'], 1e-5));
  const saved = join(temporaryFolder(t), 'saved.onnx');
  await session.save(saved);
  session.dispose();
  const { graph } = await readModel(saved);
  const given = await readModel(path('shared-bn-initializers'));
  t.deepEqual(graph.input, given.graph.input);
  t.deepEqual(graph.output, given.graph.output);
  const norms = graph.node.filter(({ opType }) => opType === 'BatchNormalization');
  t.is(new Set(norms.flatMap(({ input }) => input.slice(1))).size, 8);
  const values = (name: string) =>
    tensorData(graph.initializer.find((tensor) => tensor.name === name)!) as Float32Array;
  t.true(close(values(norms[0]!.input[1]!), wanted['gamma of the first BatchNorm afterwards'], 1e-5));
  t.true(close(values(norms[1]!.input[1]!), wanted['gamma of the second'], 1e-5));
});

test('tied-biases: biases that were merged are each a convolution’s own', async (t) => {
  const wanted = expected('tied-biases');
  const { session, losses: found } = await steps('tied-biases', { lr: 0.5, count: 10 });
  t.true(close(found, wanted['losses of 10 SGD steps, lr 0.5, biases of their own'], 1e-4));
  t.deepEqual([...session.splits], [['onnx::Conv_28', 'onnx::Conv_25']]);
  t.true(close(session.weight('onnx::Conv_25'), wanted['first bias'], 1e-3));
  t.true(close(session.weight('onnx::Conv_28'), wanted['second bias'], 1e-3));
  t.regex(session.notes.join(' '), /Split: onnx::Conv_25/);
  session.dispose();
});

test('trained-constant-gelu: 1/√2 stays what it is', async (t) => {
  const wanted = expected('trained-constant-gelu');
  const options = { lr: 0.3, count: 20, loss: meanSquaredError() };
  const { session, losses: found } = await steps('trained-constant-gelu', options, { t: 'targets' });
  t.true(close(found, wanted['losses of 20 SGD steps, lr 0.3'], 1e-4));
  t.deepEqual(session.weightNames, wanted.parameters);
  session.dispose();
});

const mse = { loss: meanSquaredError(), batch: 2 };
const evaluated: Readonly<Record<string, TrainingSessionOptions>> = {
  'evaluate-given-sizes': { ...mse, dims: { height: 8, width: 9 } },
  'evaluate-own-symbols': { ...mse, dims: { H: 8, W: 9 } },
  'evaluate-symbols': { loss: mse.loss, dims: { batch: 2, seq: 5 } },
  'evaluate-wrong-size': { loss: mse.loss, batch: 1 },
  'formula-scalars': mse,
  'learned-scalars': mse,
  'pinned-branch-constants': mse,
  'question-mark': { ...mse, dims: { 'x[2]': 6, 'x[3]': 9 } },
  'spox-branch-weights': { ...mse, constants: { sr: 16000n } },
  'stated-rank': mse,
  'unsorted-nodes': mse,
};
for (const [name, options] of Object.entries(evaluated)) {
  test(`${name}: evaluation gives the loss of the step; what is saved gives it again`, async (t) => {
    const arrays = Object.entries(await batchOf(name));
    const batch = Object.fromEntries(
      arrays.filter(([key]) => !(key in (options.constants ?? {}))).map(([key, { data }]) => [key, data]),
    );
    const session = await TrainingSession.create(path(name), options);
    const before = await session.evaluate([batch]);
    const { loss } = await session.step(batch, new SGD({ lr: 0.01 }));
    t.true(Math.abs(before.loss - loss) < 1e-5 * loss);
    const { loss: known, parameters } = expected(name);
    if (known !== undefined) t.true(Math.abs(loss - known) < 1e-6 * known);
    if (parameters !== undefined) t.deepEqual(session.weightNames, parameters);
    const after = await session.evaluate([batch]);
    const saved = join(temporaryFolder(t), 'saved.onnx');
    await session.save(saved);
    session.dispose();
    const again = await TrainingSession.create(saved, options);
    t.is((await again.evaluate([batch])).loss, after.loss);
    again.dispose();
  });
}

test('trained-constant-sklearn-unity: the 1 of 1 − p is no parameter', async (t) => {
  const { parameters } = expected('trained-constant-sklearn-unity');
  const model = await readModel(path('trained-constant-sklearn-unity'));
  const report = await inspectModel(model, { loss: crossEntropy(), output: 'probabilities' });
  t.deepEqual(
    report.parameters.map(({ name }) => name),
    parameters,
  );
});
