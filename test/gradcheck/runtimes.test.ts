import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import test from 'ava';
import { trainingCpu } from '../../src/capabilities/tables.js';
import { targetOf } from '../../src/capabilities/target-for.js';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import { flatmin, standard, type Target } from '../../src/lowering/targets.js';
import { wideResNet } from '../../src/models/wide-resnet.js';
import { openRuntime } from '../../src/ort/library.js';
import { type FeedArray, type GradientOptions, gradients } from '../../src/session/gradients.js';
import { TrainingSession } from '../../src/session/session.js';
import { folder, problemOf, references } from './architecture-problem.js';
import { cosineOf } from './cosine.js';
import { cudaFormsOnCpu } from './cuda-forms.js';

const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const stock = openRuntime('stock');

async function agree(
  t: { true(value: boolean, message: string): void; deepEqual(a: unknown, b: unknown): void },
  model: Parameters<typeof gradients>[0],
  feeds: Readonly<Record<string, FeedArray>>,
  options: GradientOptions,
): Promise<void> {
  const training = openRuntime(trainingLibrary!);
  const expected = await gradients(model, feeds, { ...options, runtime: stock, target: standard });
  const others: [string, typeof stock, Target][] = [
    ['stock, flatmin', stock, flatmin],
    ['training build', training, targetOf(trainingCpu)],
    ['training build, CUDA’s forms', training, cudaFormsOnCpu],
  ];
  for (const [name, runtime, target] of others) {
    const found = await gradients(model, feeds, { ...options, runtime, target });
    t.deepEqual([...found.gradients.keys()].sort(), [...expected.gradients.keys()].sort());
    const cosine = cosineOf(found.gradients, expected.gradients);
    t.true(cosine > 0.99999, `${name}: the cosine of the gradients is ${cosine}`);
    t.true(
      Math.abs(found.loss - expected.loss) <= 1e-5 * Math.abs(expected.loss),
      `${name}: the loss is ${found.loss}, not ${expected.loss}`,
    );
  }
}

interface Recorded {
  input: number[] | { name: string; dims: number[]; data: number[] };
  dims?: number[];
  labels: number[];
}

/** Models whose batch is written down beside them. */
function recorded(place: string, key: string, names: readonly string[]) {
  const file = JSON.parse(readFileSync(`${folder}${place}references.json`, 'utf8')) as Record<
    string,
    Recorded
  >;
  const { input: given, dims: shape, labels } = file[key]!;
  const { dims, data } = Array.isArray(given) ? { dims: shape!, data: given } : given;
  const isText = key === 'text' || key === 'transformer';
  const values = isText ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
  const input = Array.isArray(given) ? (isText ? 'ids' : 'images') : given.name;
  const feeds: Record<string, FeedArray> = {
    [input]: { dims, data: values },
    labels: { dims: [labels.length], data: BigInt64Array.from(labels, BigInt) },
  };
  return names.map(
    (name) => [`${folder}${place}${name}.onnx`, () => ({ loss: crossEntropy(), feeds })] as const,
  );
}

if (!trainingLibrary) {
  test('gradients of both runtimes', (t) => {
    t.log('Skipped: FLATMIN_TRAINING_RUNTIME does not name a libonnxruntime of the training build.');
    t.pass();
  });
} else {
  for (const [depth, width, shortcut] of [
    [10, 1, 'conv'],
    [16, 4, 'conv'],
    [16, 2, 'pad'],
  ] as const) {
    test(`WRN-${depth}-${width} (${shortcut}): both runtimes have one gradient`, async (t) => {
      const images = Float32Array.from({ length: 4 * 3 * 32 * 32 }, (_, i) => Math.sin(0.37 * i + (i % 97)));
      const labels = { dims: [4], data: BigInt64Array.of(3n, 1n, 4n, 9n) };
      const feeds = { images: { dims: [4, 3, 32, 32], data: images }, labels };
      const model = wideResNet({ depth, width, shortcut });
      await agree(t, model, feeds, { loss: crossEntropy(), batchNorm: 'batch', threads: 1 });
    });
  }
  for (const [path, problem] of [
    ...Object.keys(references).map((name) => [`${folder}${name}.onnx`, () => problemOf(name)] as const),
    ...recorded('../', 'cnn', ['cnn-training-form']),
    ...recorded('../', 'text', ['text-dynamo', 'text-torchscript']),
    ...['classifier', 'transformer'].flatMap((name) => recorded('../half/', name, [name])),
  ]) {
    test(`${basename(path)}: both runtimes evaluate it to one loss`, async (t) => {
      const { loss, feeds } = problem();
      const shapes = Object.fromEntries(
        Object.entries(feeds).flatMap(([name, feed]) =>
          'dims' in feed && name !== 'labels' && name !== 'targets' ? [[name, feed.dims]] : [],
        ),
      );
      const batch = Object.fromEntries(
        Object.entries(feeds).map(([name, feed]) => [name, 'data' in feed ? feed.data : feed]),
      );
      const losses = [];
      for (const runtime of [stock, openRuntime(trainingLibrary)]) {
        const session = await TrainingSession.create(path, { loss, shapes, runtime, threads: 1 });
        losses.push((await session.evaluate([batch])).loss);
        session.dispose();
      }
      t.true(Math.abs(losses[0]! - losses[1]!) <= 1e-5 * Math.abs(losses[0]!), `${losses}`);
    });
  }
  for (const name of Object.keys(references)) {
    test(`${name}: both runtimes have one gradient`, async (t) => {
      const { loss, feeds } = problemOf(name);
      await agree(t, `${folder}${name}.onnx`, feeds, { loss, threads: 1 });
    });
  }
}
