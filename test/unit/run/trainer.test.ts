import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { fromArrays, loadDigits } from '../../../src/data/index.js';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { readModel } from '../../../src/onnx/model.js';
import { tensorData } from '../../../src/onnx/tensors/tensor.js';
import { type TrainOptions, train } from '../../../src/run/train.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { abortedAfter } from '../../aborted-after.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const settings: Partial<TrainSettings> = {
  model: 'wrn-10-1',
  data: 'digits',
  batch: 32,
  trainSamples: 96,
  testSamples: 64,
  epochs: 3,
  augment: 'crop=1:zero',
};
const execution = { threads: 2, workers: 0 };

/** Resumes until the run is finished; returns how often it was stopped. */
async function trainInPieces(given: Partial<TrainSettings>, options: TrainOptions, looks: number) {
  for (let stops = 0; ; stops++) {
    try {
      await train(stops === 0 ? given : {}, {
        ...options,
        resume: stops > 0,
        signal: abortedAfter(looks),
      });
      return stops;
    } catch (error) {
      if ((error as { code?: string }).code !== 'INTERRUPTED' || stops > 50) throw error;
    }
  }
}

/** Settings of a run, and the looks that computing statistics for an average takes beside those of the evaluations. */
const runs: Record<string, { given: Partial<TrainSettings>; looks?: number }> = {
  sgd: { given: { optimizer: 'sgd' } },
  adamw: { given: { optimizer: 'adamw' } },
  'adamw in half precision': { given: { optimizer: 'adamw', precision: 'fp16' } },
  sam: { given: { optimizer: 'sam' } },
  'rand-sam': { given: { optimizer: 'rand-sam' } },
  looksam: { given: { optimizer: 'looksam', every: 4 } },
  'friendly-sam': { given: { optimizer: 'friendly-sam' } },
  'esam, every second step': { given: { optimizer: 'esam', every: 2 } },
  'looksam, unfrozen block by block in half precision': {
    given: { optimizer: 'looksam', every: 3, base: 'adamw', unfreezeEvery: 0.4, precision: 'fp16' },
  },
  'gsam with an average': { given: { optimizer: 'gsam', ema: 0.8 }, looks: 3 },
  'sgd with SWA': { given: { swaStart: 1, swaLr: 0.05 }, looks: 3 },
  'rand-sam of two micro-batches': { given: { optimizer: 'rand-sam', accumulate: 2, batch: 16 }, looks: 5 },
};

for (const [name, { given: own, looks: more = 0 }] of Object.entries(runs)) {
  test.serial(
    `${name}: stopped at any point, within steps and evaluations, the run stays the same`,
    async (t) => {
      const dir = temporaryFolder(t);
      const given = { ...settings, ...own };
      await train(given, { ...execution, out: join(dir, 'whole') });
      const whole = (file: string) => readFile(join(dir, 'whole', file));
      for (const looks of [5 + more, 6 + more, 7 + more]) {
        const out = join(dir, `pieces-${looks}`);
        t.true((await trainInPieces(given, { ...execution, out }, looks)) >= (more > 0 ? 2 : 3));
        for (const file of ['metrics.jsonl', 'model.onnx']) {
          t.true((await whole(file)).equals(await readFile(join(out, file))), `${file}, ${looks} looks`);
        }
      }
    },
  );
}

test.serial(
  'a step of several batches has as many samples, and what fills no step is left out',
  async (t) => {
    const given = { ...settings, optimizer: 'sam', accumulate: 2, epochs: 2 } as const;
    const summary = await train(given, { ...execution, out: temporaryFolder(t) });
    t.is(summary.steps, 2, 'three batches an epoch make one step of two');
    t.true(Math.abs(summary.imagesPerSecond * summary.secondsPerStep - 64) < 1e-6);
    const out = join(temporaryFolder(t), 'run');
    await t.throwsAsync(train({ ...given, accumulate: 4 }, { ...execution, out }), {
      code: 'INVALID_ARGUMENT',
      message: /accumulate to be at most 3, the batches of 32/,
    });
  },
);

test.serial('the model of a run with an average is the average, with statistics of its own', async (t) => {
  const out = temporaryFolder(t);
  const summary = await train({ ...settings, swaStart: 1 }, { ...execution, out });
  const model = await readModel(join(out, 'model.onnx'));
  const { tensors } = await readSafetensors(join(out, 'checkpoint.safetensors'));
  const values = (name: string) =>
    tensorData(model.graph.initializer.find((tensor) => tensor.name === name)!) as Float32Array;
  t.deepEqual(values('stem.conv.weight'), tensors.get('optimizer/average/stem.conv.weight')!.data);
  t.notDeepEqual(values('stem.conv.weight'), tensors.get('model/stem.conv.weight')!.data);
  t.notDeepEqual(values('final.bn.variance'), tensors.get('model/final.bn.variance')!.data);
  const metrics = (await readFile(join(out, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  t.is(JSON.parse(metrics.at(-1)!).accuracy, summary.accuracy);
});

const records = async (out: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(out, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test.serial('a step is recorded with its radius and its loss scale', async (t) => {
  const out = temporaryFolder(t);
  const sam = { optimizer: 'sam', rho: 0.4, rhoSchedule: 'linear', every: 2 } as const;
  await train({ ...settings, ...sam, precision: 'fp16', epochs: 2 }, { ...execution, out: join(out, 'sam') });
  const steps = (await records(join(out, 'sam'))).filter((record) => 'lr' in record);
  t.is(steps.length, 6);
  for (const [index, { rho, lossScale }] of steps.entries()) {
    t.true(Math.abs((rho as number) - 0.4 * (1 - index / 6)) < 1e-12, `${rho}`);
    t.is(lossScale, 2 ** 16);
  }
  await train({ ...settings, epochs: 1 }, { ...execution, out: join(out, 'sgd') });
  const [first] = await records(join(out, 'sgd'));
  t.deepEqual(Object.keys(first!), ['step', 'epoch', 'loss', 'lr']);
});

test.serial('a loss that diverges leaves the last good checkpoint', async (t) => {
  const out = temporaryFolder(t);
  const diverging: Partial<TrainSettings> = { schedule: 'step', milestones: [1], gamma: 1e30 };
  await t.throwsAsync(train({ ...settings, ...diverging }, { ...execution, out }), {
    code: 'NOT_FINITE',
    message: /step [4-6]/,
  });
  const { tensors, metadata } = await readSafetensors(join(out, 'checkpoint.safetensors'));
  t.like(metadata, { format: 'flatmin-checkpoint', step: '3', epoch: '1', batch: '0', seed: '0' });
  for (const { name, data } of tensors.values()) t.true((data as Float32Array).every(Number.isFinite), name);
});

test.serial(
  'a checkpoint has parameters, statistics and optimizer vectors, and that of another model is refused',
  async (t) => {
    const out = temporaryFolder(t);
    const stopped = train(settings, { ...execution, out, signal: abortedAfter(3) });
    await t.throwsAsync(stopped, { code: 'INTERRUPTED', message: /step 2/ });
    const path = join(out, 'checkpoint.safetensors');
    const { tensors, metadata } = await readSafetensors(path);
    for (const name of [
      'model/stem.conv.weight',
      'model/final.bn.mean',
      'optimizer/velocity/stem.conv.weight',
    ])
      t.true(tensors.has(name), name);
    t.like(metadata, { step: '2', epoch: '0', batch: '2' });

    const fewer = [...tensors.values()].filter(({ name }) => name !== 'model/final.bn.mean');
    const { flatmin_header_digest: _, ...unsealed } = metadata;
    await writeSafetensors(path, fewer, unsealed);
    await t.throwsAsync(train({}, { ...execution, out, resume: true }), {
      code: 'INVALID_DATA',
      message: /"model\/final\.bn\.mean" of shape \[64\], but found none/,
    });
  },
);

test.serial('a library user trains a model and data of their own', async (t) => {
  const random = Uint8Array.from({ length: 40 * 64 }, (_, i) => (i * 7919) % 251);
  const dataset = fromArrays({
    shape: [1, 8, 8],
    classes: 2,
    train: { images: random, labels: Array.from({ length: 40 }, (_, i) => i % 2) },
  });
  const model = smallCnn({ inputShape: [1, 8, 8], classes: 2 });
  const own = { model: 'mine', data: 'mine', batch: 8, epochs: 2, lr: 0.01 };
  const summary = await train(own, { ...execution, out: temporaryFolder(t), dataset, model });
  t.like(summary, { model: 'mine', steps: 10, accuracy: null, testLoss: null, trainEvalSamples: 40 });
});

test.serial('a model of other images or classes than the data is refused', async (t) => {
  const dataset = await loadDigits();
  const refused = (model: ReturnType<typeof smallCnn>, message: RegExp) =>
    t.throwsAsync(train(settings, { ...execution, out: join(temporaryFolder(t), 'run'), dataset, model }), {
      code: 'INVALID_MODEL',
      message,
    });
  await refused(smallCnn({ inputShape: [3, 8, 8] }), /"images".*batch × 3 × 8 × 8.*batch × 1 × 8 × 8/);
  await refused(smallCnn({ inputShape: [1, 8, 8], classes: 7 }), /"logits".*batch × 7.*10 classes of digits/);
});

test('early stopping ends a run whose accuracy rises no more, also when it is resumed', async (t) => {
  const folder = temporaryFolder(t);
  const given = { ...settings, model: 'mlp', lr: 1e-9, augment: 'none', epochs: 10, earlyStop: 2 };
  const whole = await train(given, { ...execution, out: join(folder, 'whole') });
  t.is(whole.epochs, 3);
  t.is(whole.steps, 9);
  const out = join(folder, 'pieces');
  t.true((await trainInPieces(given, { ...execution, out }, 8)) > 0);
  t.is(JSON.parse(await readFile(join(out, 'summary.json'), 'utf8')).epochs, 3);
});

test('early stopping without test samples is refused', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  await t.throwsAsync(train({ ...settings, testSamples: 0, earlyStop: 2 }, { ...execution, out }), {
    message: /"earlyStop" watches a metric on test samples/,
  });
});

test('what data have no use for, and losses of other targets, are refused before anything is written', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const refused = (given: Partial<TrainSettings>, message: RegExp) =>
    t.throwsAsync(train({ ...settings, ...given }, { ...execution, out }), { message });
  await refused({ map: { a: 'b' } }, /digits have no use for "map"/);
  await refused({ normalization: 'imagenet' }, /digits have no use for "normalization"/);
  await refused({ loss: 'mse' }, /compares with float of batch × 10, but "labels" of digits is class labels/);
  t.false(existsSync(out));
});
