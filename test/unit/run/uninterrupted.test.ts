import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Uninterrupted } from '../../../src/run/listeners/uninterrupted.js';
import { train } from '../../../src/run/train.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

test('the time from step to step is told, with what came between but evaluations', async (t) => {
  const told: number[] = [];
  const time = { ms: 0 };
  const listener = new Uninterrupted(
    (seconds) => told.push(seconds),
    () => time.ms,
  );
  const at = (ms: number) => {
    time.ms = ms;
    return listener;
  };
  await at(100).time(async () => void at(350));
  at(1350).onStep();
  at(31_000).onEpoch();
  at(36_000).onStep();
  at(36_500).onStep();
  t.deepEqual(told, [0.25, 1, 5, 0.5]);
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
