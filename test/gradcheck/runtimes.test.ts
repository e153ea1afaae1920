import test from 'ava';
import { trainingCpu } from '../../src/capabilities/tables.js';
import { targetOf } from '../../src/capabilities/target-for.js';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import { flatmin, standard, type Target } from '../../src/lowering/targets.js';
import { wideResNet } from '../../src/models/wide-resnet.js';
import { openRuntime } from '../../src/runtime/library.js';
import { type FeedArray, type GradientOptions, gradients } from '../../src/train/gradients.js';
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
  for (const name of Object.keys(references)) {
    test(`${name}: both runtimes have one gradient`, async (t) => {
      const { loss, feeds } = problemOf(name);
      await agree(t, `${folder}${name}.onnx`, feeds, { loss, threads: 1 });
    });
  }
}
