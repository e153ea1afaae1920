import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { checkEvaluationFile } from '../../../src/formats/run/evaluation.js';
import { type Followed, followedOf } from '../../../src/metrics/followed.js';
import { initialState, stateFromText, stateToText } from '../../../src/run/checkpoint/state.js';
import { EarlyStop } from '../../../src/run/listeners/early-stop.js';
import { train } from '../../../src/run/train.js';
import type { TrainSettings } from '../../../src/settings/schema.js';
import { abortedAfter } from '../../aborted-after.js';
import { readMetrics, temporaryFolder } from '../../e2e/run-cli.js';

const quiet = { update() {}, note() {}, stop() {} };

/** Evaluations since the best after each of some values. */
function sinceBest(
  followed: Followed,
  values: readonly (number | undefined)[],
  state = initialState(),
): number[] {
  const listener = new EarlyStop(2, followed, state, quiet);
  return values.map((value) => {
    const metrics: Record<string, number> = value === undefined ? {} : { [followed.name]: value };
    const test = { loss: value ?? Number.NaN, accuracy: undefined, metrics, samples: 1 };
    listener.onEpoch({ step: 1, epoch: 1, meanLoss: 1, test });
    return state.sinceBest;
  });
}

test('what is best is by the direction of the followed metric', (t) => {
  const binary = { kind: 'binary', rank: 2 } as const;
  const [area, loss] = [followedOf(binary, 'auc')!, followedOf(binary, 'loss')!];
  t.deepEqual(sinceBest(area, [0.5, 0.7, 0.6, 0.7, 0.8]), [0, 0, 1, 2, 0]);
  t.deepEqual(sinceBest(loss, [0.5, 0.7, 0.6, 0.4, 0.4]), [0, 1, 2, 0, 1]);
  t.deepEqual(sinceBest(area, [undefined, 0, undefined]), [1, 0, 1]);
});

test('the best value goes through a checkpoint, also before there is one, and from versions that followed the accuracy alone', (t) => {
  t.deepEqual(stateFromText(stateToText(initialState())), initialState());
  t.is(stateFromText(stateToText({ ...initialState(), best: 0.1 + 0.2 })).best, 0.1 + 0.2);
  const { best: _, ...before } = stateToText(initialState());
  t.is(stateFromText({ ...before, bestAccuracy: '0.75' }).best, 0.75);
});

const settings: Partial<TrainSettings> = {
  model: 'mlp',
  data: 'digits',
  batch: 32,
  trainSamples: 96,
  testSamples: 64,
  epochs: 3,
  augment: 'none',
};
const execution = { threads: 1, workers: 0 };

test.serial('all metrics are recorded, and a resumed run has the same', async (t) => {
  const dir = temporaryFolder(t);
  const given = { ...settings, metric: 'mean-iou' };
  const whole = join(dir, 'whole');
  const summary = await train(given, { ...execution, out: whole, keepBest: true });
  t.is(summary.metric, 'mean-iou');
  t.deepEqual(Object.keys(summary.metrics), [
    ...['accuracy', 'top-5', 'balanced-accuracy', 'macro-f1', 'mean-iou', 'nll', 'ece'],
  ]);
  t.deepEqual(Object.keys(summary.trainMetrics), Object.keys(summary.metrics));
  t.is(summary.metrics.accuracy, summary.accuracy!);
  const epochs = readMetrics(whole).filter(({ epochLoss }) => epochLoss !== undefined) as unknown as {
    metrics: Record<string, number>;
  }[];
  t.is(epochs.length, 3);
  t.deepEqual(epochs.at(-1)!.metrics, { ...summary.metrics });

  const path = join(whole, 'evaluation.json');
  const evaluation = checkEvaluationFile(JSON.parse(await readFile(path, 'utf8')), path);
  t.deepEqual(evaluation.metrics, summary.metrics);
  t.is(
    evaluation.details!.confusion!.flat().reduce((sum, count) => sum + count, 0),
    64,
  );
  t.is(evaluation.classNames!.length, 10);

  const pieces = join(dir, 'pieces');
  const stopped = train(given, { ...execution, out: pieces, keepBest: true, signal: abortedAfter(5) });
  await t.throwsAsync(stopped, { code: 'INTERRUPTED' });
  const resumed = await train({}, { ...execution, out: pieces, resume: true });
  t.deepEqual(resumed.metrics, summary.metrics);
  t.is(resumed.metric, 'mean-iou');
  for (const file of ['metrics.jsonl', 'model.onnx'])
    t.deepEqual(await readFile(join(pieces, file)), await readFile(join(whole, file)), file);
});

test.serial('a metric that the task has not is refused by name, before anything is written', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  await t.throwsAsync(train({ ...settings, metric: 'cer' }, { ...execution, out }), {
    code: 'INVALID_ARGUMENT',
    message: /There is no metric "cer" of cross-entropy: choose one of loss, accuracy, /,
  });
  await t.throwsAsync(readFile(join(out, 'config.json')), { code: 'ENOENT' });
  await t.throwsAsync(train({ ...settings, metric: 'nonsense' }, { ...execution, out }), {
    message: /metric.*one of loss, accuracy/,
  });
});
