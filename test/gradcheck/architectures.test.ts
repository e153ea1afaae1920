import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import type { Loss } from '../../src/losses/loss.js';
import { meanSquaredError } from '../../src/losses/regression.js';
import { flatmin, standard, type Target, training } from '../../src/lowering/targets.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import { openRuntime, type Runtime } from '../../src/runtime/library.js';
import { type FeedArray, gradients } from '../../src/train/gradients.js';
import { TrainingSession } from '../../src/train/session.js';
import { temporaryFolder } from '../e2e/run-cli.js';

/** The models, the batches and PyTorch's float64 numbers are those of test/fixtures/models/architectures/make.py. */
const folder = fileURLToPath(new URL('../../../test/fixtures/models/architectures/', import.meta.url));
const SAMPLES = 16;

interface Reference {
  inputs: Record<string, number[]>;
  classAxis: number;
  loss: number;
  gradients: Record<string, { norm: number; dots: number[]; samples: number[] }>;
}
const references = JSON.parse(readFileSync(`${folder}references.json`, 'utf8')) as Record<string, Reference>;

const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const stock = openRuntime();
const targets: [Target, Runtime][] = [
  [flatmin, stock],
  [standard, stock],
  ...(trainingLibrary ? [[training, openRuntime(trainingLibrary)] as [Target, Runtime]] : []),
];

const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

const real = (dims: readonly number[], shift = 0) =>
  Float32Array.from({ length: count(dims) }, (_, index) => {
    const i = index + shift;
    return Math.sin(0.37 * i + 0.05 * ((i * i) % 97));
  });

const integers = (high: number, dims: readonly number[]) =>
  BigInt64Array.from({ length: count(dims) }, (_, i) => BigInt((3 * i + ((i * i) % 7) + 1) % high));

/** Lengths of the sequences in the batch for BERT. */
const LENGTHS = [7, 5, 6, 3];

type Batch = Record<string, { dims: number[]; data: Float32Array | BigInt64Array }>;

function inputsOf(name: string): Batch {
  const vocabulary = ['bert', 'gpt2'].includes(name) ? 30 : 20;
  return Object.fromEntries(
    Object.entries(references[name]!.inputs).map(([input, dims]) => {
      const mask = () =>
        BigInt64Array.from({ length: count(dims) }, (_, i) =>
          i % 7 < LENGTHS[Math.floor(i / 7)]! ? 1n : 0n,
        );
      const data =
        input === 'ids'
          ? integers(vocabulary, dims)
          : input === 'mask'
            ? mask()
            : real(dims, input === 'right' ? 5000 : 0);
      return [input, { dims, data }];
    }),
  );
}

/** The shape of the labels, and how many classes they tell apart. */
function labelsOf(name: string): { dims: number[]; classes: number } {
  if (name.startsWith('unet')) return { dims: [6, 16, 16], classes: 4 };
  if (name === 'siamese') return { dims: [6], classes: 2 };
  if (name === 'gru') return { dims: [4, 7], classes: 5 };
  if (name === 'bert' || name === 'gpt2') return { dims: [4, 7], classes: 30 };
  return { dims: [references[name]!.inputs.ids ? 4 : 6], classes: 5 };
}

function problemOf(name: string): { loss: Loss; feeds: Record<string, FeedArray>; inputs: Batch } {
  const inputs = inputsOf(name);
  if (name === 'autoencoder')
    return { loss: meanSquaredError(), feeds: { ...inputs, targets: inputs.images! }, inputs };
  const { dims, classes } = labelsOf(name);
  const labels = { dims, data: integers(classes, dims) };
  return {
    loss: crossEntropy({ classAxis: references[name]!.classAxis }),
    feeds: { ...inputs, labels },
    inputs,
  };
}

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
