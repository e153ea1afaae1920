import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createProgress, timedProgress } from '../../../src/run/progress.js';
import { train } from '../../../src/run/train.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

test('the time from step to step is told, with what came between but evaluations', (t) => {
  const told: number[] = [];
  const time = { ms: 0 };
  const silent = createProgress({ label: '', total: 3, enabled: false });
  const progress = timedProgress(
    silent,
    7,
    (seconds) => told.push(seconds),
    () => time.ms,
  );
  const figures = { loss: 1, imagesPerSecond: 1 };
  for (const [ms, done] of [
    [1000, 8],
    // The end of an evaluation.
    [31_000, 8],
    [36_000, 9],
    [36_500, 10],
  ] as const) {
    time.ms = ms;
    progress.update(done, figures);
  }
  t.deepEqual(told, [1, 5, 0.5]);
});

test('a run tells the time of a first checkpoint, then of each step', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const told: number[] = [];
  let hadCheckpoint = false;
  const onUninterrupted = (seconds: number) => {
    if (told.length === 0) hadCheckpoint = existsSync(join(out, 'checkpoint.safetensors'));
    told.push(seconds);
  };
  const settings = {
    model: 'mlp-4',
    data: 'digits',
    batch: 32,
    trainSamples: 96,
    testSamples: 32,
    epochs: 2,
  };
  await train(settings, { out, threads: 1, workers: 0, onUninterrupted });
  t.true(hadCheckpoint);
  t.is(told.length, 1 + 6);
  t.true(told.every((seconds) => seconds > 0));
});
