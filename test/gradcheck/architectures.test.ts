import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { flatmin, standard, type Target, training } from '../../src/lowering/targets.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import { openRuntime, type Runtime } from '../../src/ort/library.js';
import { gradients } from '../../src/session/gradients.js';
import { TrainingSession } from '../../src/session/session.js';
import { temporaryFolder } from '../e2e/run-cli.js';
import { count, folder, problemOf, type Reference, references } from './architecture-problem.js';

const SAMPLES = 16;

const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const stock = openRuntime();
const targets: [Target, Runtime][] = [
  [flatmin, stock],
  [standard, stock],
  ...(trainingLibrary ? [[training, openRuntime(trainingLibrary)] as [Target, Runtime]] : []),
];

const dot = (a: ArrayLike<number>, b: (index: number) => number) =>
  Array.from(a, (value, index) => value * b(index)).reduce((sum, each) => sum + each, 0);

const cosine = (a: readonly number[], b: readonly number[]) =>
  dot(a, (index) => b[index]!) / Math.sqrt(dot(a, (index) => a[index]!) * dot(b, (index) => b[index]!));

/** What differs between a gradient and PyTorch's; nothing where it is zero but for rounding on both sides. */
function difference(own: Float32Array, expected: Reference['gradients'][string], largest: number): string[] {
  const norm = Math.hypot(...own);
  if (expected.norm < 1e-6 * largest)
    return norm < 1e-5 * largest ? [] : [`its norm is ${norm} where it should be zero`];
  const places =
    own.length <= SAMPLES
      ? [...own.keys()]
      : Array.from({ length: SAMPLES }, (_, k) => (k * 7919) % own.length);
  const samples = places.map((place) => own[place]!);
  const found: string[] = [];
  if (Math.abs(norm - expected.norm) > 1e-3 * expected.norm) found.push(`norm ${norm}, not ${expected.norm}`);
  if (samples.length !== expected.samples.length)
    return [...found, `${samples.length} samples, not ${expected.samples.length}`];
  const known = Math.hypot(...expected.samples);
  if (known > 1e-5 * expected.norm && !(cosine(samples, expected.samples) > 0.9999))
    found.push(`cosine ${cosine(samples, expected.samples)} of samples`);
  [0.9, 2.3].forEach((frequency, index) => {
    const product = dot(own, (i) => Math.cos(frequency * i));
    // The fixed vector's norm is about √(n/2).
    const scale = expected.norm * Math.sqrt(own.length / 2);
    if (Math.abs(product - expected.dots[index]!) > 1e-3 * scale)
      found.push(`inner product ${product}, not ${expected.dots[index]}`);
  });
  return found;
}

test('every model has a reference', (t) => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.onnx'));
  t.deepEqual(files.map((file) => file.slice(0, -5)).sort(), Object.keys(references).sort());
  t.true(files.length >= 16);
});

for (const name of Object.keys(references)) {
  for (const [target, runtime] of targets) {
    test(`${name}: loss and gradients are PyTorch’s (${target.name})`, async (t) => {
      const { loss, feeds } = problemOf(name);
      const found = await gradients(`${folder}${name}.onnx`, feeds, { loss, target, runtime, threads: 1 });
      const expected = references[name]!;
      t.true(
        Math.abs(found.loss - expected.loss) <= 1e-5 * expected.loss,
        `The loss is ${found.loss}, not ${expected.loss}.`,
      );
      t.deepEqual([...found.gradients.keys()].sort(), Object.keys(expected.gradients).sort());
      const largest = Math.max(...Object.values(expected.gradients).map(({ norm }) => norm));
      for (const [parameter, own] of found.gradients)
        t.deepEqual(difference(own, expected.gradients[parameter]!, largest), [], parameter);
    });
  }

  test(`${name}: a step of SAM trains it, and ONNX Runtime computes the saved model’s loss`, async (t) => {
    const { loss, feeds, inputs } = problemOf(name);
    const path = join(temporaryFolder(t), 'trained.onnx');
    const shapes = Object.fromEntries(Object.entries(inputs).map(([input, { dims }]) => [input, dims]));
    const session = await TrainingSession.create(`${folder}${name}.onnx`, {
      loss,
      shapes,
      batchNorm: 'running',
      dropout: false,
      threads: 1,
    });
    const batch = Object.fromEntries(
      Object.entries(feeds).map(([input, feed]) => [input, 'data' in feed ? feed.data : feed]),
    );
    const first = await session.step(batch, new SAM(new SGD({ lr: 0.02 }), { rho: 0.01 }));
    const evaluated = await session.evaluate([batch]);
    await session.save(path);
    session.dispose();
    t.true(evaluated.loss < first.loss, `${evaluated.loss} is not below ${first.loss}`);

    const saved = await InferenceSession.create(path, { logSeverityLevel: 3 });
    const outputs = await saved.run(
      Object.fromEntries(
        Object.entries(inputs).map(([input, { dims, data }]) => [
          input,
          data instanceof Float32Array ? new Tensor('float32', data, dims) : new Tensor('int64', data, dims),
        ]),
      ),
    );
    const output = outputs[saved.outputNames[0]!]!;
    const own = lossOf(name, output.data as Float32Array, output.dims, batch);
    t.true(Math.abs(own - evaluated.loss) < 1e-5 * (1 + own), `${own} is not ${evaluated.loss}`);
    await saved.release();
  });
}

/** The loss by its definition. */
function lossOf(
  name: string,
  values: Float32Array,
  dims: readonly number[],
  batch: Record<string, unknown>,
): number {
  if (name === 'autoencoder') {
    const goal = batch.targets as Float32Array;
    return values.reduce((sum, value, index) => sum + (value - goal[index]!) ** 2, 0) / values.length;
  }
  const { classAxis } = references[name]!;
  const classes = dims[classAxis]!;
  const inner = count(dims.slice(classAxis + 1));
  const labels = batch.labels as BigInt64Array;
  const losses = Array.from(labels, (label, index) => {
    const start = Math.floor(index / inner) * classes * inner + (index % inner);
    const scores = Array.from({ length: classes }, (_, each) => values[start + each * inner]!);
    const highest = Math.max(...scores);
    const sum = scores.reduce((total, score) => total + Math.exp(score - highest), 0);
    return highest + Math.log(sum) - scores[Number(label)]!;
  });
  return losses.reduce((sum, each) => sum + each, 0) / losses.length;
}
