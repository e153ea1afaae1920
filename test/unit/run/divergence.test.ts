import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Disk } from '../../../scripts/torture/disk.js';
import { recorded } from '../../../scripts/torture/subject.js';
import { crossEntropy } from '../../../src/index.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { readModel } from '../../../src/onnx/model.js';
import { tensorData } from '../../../src/onnx/tensors/tensor.js';
import { AdamW } from '../../../src/optim/adamw.js';
import { SAM } from '../../../src/optim/sam.js';
import { SGD } from '../../../src/optim/sgd.js';
import { initialState } from '../../../src/run/checkpoint/state.js';
import { checkEvaluation, Divergence } from '../../../src/run/listeners/divergence.js';
import { train } from '../../../src/run/train.js';
import { TrainingSession } from '../../../src/session/session.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { abortedAfter } from '../../aborted-after.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const settings = {
  model: 'mlp-8',
  data: 'digits',
  batch: 32,
  trainSamples: 96,
  testSamples: 64,
  epochs: 3,
} as const satisfies Partial<TrainSettings>;
const execution = { threads: 1, workers: 0 };
const session = (options = {}) =>
  TrainingSession.create(smallCnn({ inputShape: [1, 8, 8], classes: 2 }), {
    ...{ loss: crossEntropy(), batch: 4, threads: 1 },
    ...options,
  });
const feeds = (value = 0.5) => ({
  images: Float32Array.from({ length: 4 * 64 }, (_, i) => (i === 70 ? value : (i % 7) / 7)),
  labels: BigInt64Array.from([0n, 1n, 0n, 1n]),
});

test('the message names step, pass, and the first value that is not finite', async (t) => {
  const trained = await session();
  t.teardown(() => trained.dispose());
  const sgd = new SGD({ lr: 0.1 });
  await trained.step(feeds(), sgd);
  await t.throwsAsync(trained.step(feeds(Number.NaN), sgd), {
    code: 'NOT_FINITE',
    // A maximum may lose the NaN on its way to the loss.
    message:
      /(loss is NaN at step 2 \(its pass 1\)|gradient of the loss is not finite at step 2).*number 71 of the batch's "images": NaN/,
  });
  const sam = new SAM(new SGD({ lr: 0.1 }), { rho: 1e30 });
  await t.throwsAsync(trained.step(feeds(), sam), { message: /step 2 \(its pass 2\)/ });
  const [name] = trained.weightNames;
  const values = trained.weight(name!);
  values[3] = Number.POSITIVE_INFINITY;
  trained.setWeight(name!, values);
  const message = new RegExp(`number 4 of "${name}": Infinity`);
  await t.throwsAsync(trained.step(feeds(), sgd), { message });
  const path = join(temporaryFolder(t), 'model.onnx');
  await t.throwsAsync(trained.save(path), { code: 'NOT_FINITE', message: /holds Infinity/ });
  t.false(existsSync(path));
});

for (const [name, make] of Object.entries({
  sgd: () => new SGD({ lr: 0.1, momentum: 0.9 }),
  adamw: () => new AdamW({ lr: 0.01 }),
  sam: () => new SAM(new AdamW({ lr: 0.01 }), { rho: 0.05 }),
}))
  test(`${name}: a step that is skipped is as if it had not been made`, async (t) => {
    const weights = async (batches: readonly ReturnType<typeof feeds>[], optimizer = make()) => {
      const trained = await session({ onNotFinite: 'skip' });
      const results = [];
      for (const batch of batches) results.push(await trained.step(batch, optimizer));
      const found = trained.weightNames.map((each) => trained.weight(each));
      t.is(trained.state().skipped, results.filter(({ skipped }) => skipped).length);
      trained.dispose();
      return found;
    };
    const [good, bad] = [feeds(), feeds(Number.NaN)];
    t.deepEqual(await weights([good, bad, good, bad, good]), await weights([good, good, good]));
  });

test('a schedule must give a number', async (t) => {
  const trained = await session();
  t.teardown(() => trained.dispose());
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, '0.1', undefined]) {
    const lr = (() => value) as unknown as () => number;
    await t.throwsAsync(trained.step(feeds(), new SGD({ lr })), {
      code: 'INVALID_ARGUMENT',
      message: /schedule at step 1 to be a number ≥ 0/,
    });
  }
});

test('epochs without a step, losses that are infinite, and skipped steps at the end are divergence', (t) => {
  const state = initialState();
  const divergence = new Divergence(state);
  const done = { step: 10, epoch: 2, test: undefined };
  const refused = (work: () => void, message: RegExp) => t.throws(work, { code: 'NOT_FINITE', message });
  refused(() => divergence.onEpoch({ ...done, meanLoss: Number.NaN }), /No step of epoch 2/);
  refused(() => divergence.onEpoch({ ...done, meanLoss: Infinity }), /mean loss of epoch 2 is Infinity/);
  const evaluation = { loss: Number.NaN, accuracy: 0, metrics: {}, samples: 4 };
  refused(
    () => divergence.onEpoch({ ...done, meanLoss: 1, test: evaluation }),
    /test set is NaN after step 10/,
  );
  refused(() => checkEvaluation(evaluation, 'training', 3), /training set is NaN/);
  state.skippedInRow = 2;
  t.notThrows(() => divergence.checkEnd());
  state.skippedInRow = 3;
  refused(() => divergence.checkEnd(), /last 3 steps/);
});

test.serial('a run whose last step diverges fails, and leaves no model', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const last: Partial<TrainSettings> = { schedule: 'step', milestones: [8 / 3], gamma: 1e36 };
  await t.throwsAsync(train({ ...settings, ...last }, { ...execution, out }), { code: 'NOT_FINITE' });
  for (const name of ['model.onnx', 'summary.json']) t.false(existsSync(join(out, name)), name);
});

test.serial(
  'a run that goes back to its last checkpoint at half the rate ends well, also in pieces',
  async (t) => {
    const dir = temporaryFolder(t);
    const given: Partial<TrainSettings> = {
      ...settings,
      ...{ onNan: 'restore', schedule: 'step', milestones: [2], gamma: 1e38, lr: 0.5, momentum: 0 },
    };
    const warnings: string[] = [];
    const warn = (text: string) => void warnings.push(text);
    const stop = train(given, { ...execution, out: join(dir, 'given-up'), warn });
    await t.throwsAsync(stop, { code: 'NOT_FINITE' });
    t.is(warnings.length, 5);
    t.regex(warnings[4]!, /Going back to step 6, with 0.03125 × the learning rates \(5 of 5 times\)/);

    // Diverges in float32 at the first rate, not at an eighth of it.
    const mild = { ...given, gamma: 1e8 };
    const outOf = async (name: string, pieces: boolean) => {
      const out = join(dir, name);
      for (let stops = 0; ; stops++) {
        const signal = pieces ? abortedAfter(9) : undefined;
        try {
          await train(stops === 0 ? mild : {}, { ...execution, out, warn() {}, resume: stops > 0, signal });
          return out;
        } catch (error) {
          if ((error as { code?: string }).code !== 'INTERRUPTED') throw error;
        }
      }
    };
    const [whole, pieces] = [await outOf('whole', false), await outOf('pieces', true)];
    for (const name of ['model.onnx', 'metrics.jsonl'])
      t.deepEqual(await readFile(join(pieces, name)), await readFile(join(whole, name)), name);
    const { graph } = await readModel(join(whole, 'model.onnx'));
    for (const tensor of graph.initializer)
      t.true(Array.from(tensorData(tensor) as Float32Array).every(Number.isFinite), tensor.name);
  },
);

test.serial('a run that skips what is not finite fails once an epoch has no other step', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const given: Partial<TrainSettings> = { onNan: 'skip', schedule: 'step', milestones: [1], gamma: 1e36 };
  await t.throwsAsync(train({ ...settings, ...given }, { ...execution, out }), {
    code: 'NOT_FINITE',
    message: /^(No step of epoch 3 was made|The loss on the test set is NaN after step 6)/,
  });
  t.false(existsSync(join(out, 'model.onnx')));
});

const DIVERGING = { ...settings, epochs: 6, lr: 10_000, onNan: 'restore' } as const;

test.serial('a run that was killed while it went back goes on without a word of damage', async (t) => {
  const root = temporaryFolder(t);
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const { operations } = await recorded(root, () =>
    train(DIVERGING, { ...execution, out: join(root, 'run'), checkpointEvery: 1, warn }),
  );
  t.true(warnings.length > 0);
  for (const [index, { kind }] of operations.entries()) {
    if (kind !== 'truncate') continue;
    const disk = new Disk();
    for (const operation of operations.slice(0, index + 1)) disk.apply(operation);
    const killed = join(root, `killed-${index}`);
    disk.writeAll(killed);
    await train({}, { ...execution, out: join(killed, 'run'), resume: true, warn });
  }
  t.deepEqual(
    warnings.filter((text) => !text.includes('Going back')),
    [],
  );
});

test.serial('where the end of the last epoch cannot be gone back to, a diverging run says so', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  // In the epoch after step 6, which diverges.
  const stop = train(DIVERGING, { ...execution, out, warn() {}, signal: abortedAfter(20) });
  await t.throwsAsync(stop, { code: 'INTERRUPTED', message: /after step 7/ });
  await writeFile(join(out, 'checkpoint-epoch.safetensors'), 'damaged');
  await t.throwsAsync(train({}, { ...execution, out, resume: true, warn() {} }), {
    code: 'INVALID_DATA',
    message: /cannot go back.*checkpoint-epoch\.safetensors is damaged.*--restart/,
  });
});
