import test from 'ava';
import { crossEntropy, openDevice } from '../../../src/index.js';
import { mlp } from '../../../src/models/mlp.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { TrainingSession } from '../../../src/session/session.js';
import { runCli } from '../../e2e/run-cli.js';

const loss = crossEntropy();
const MIB = 2 ** 20;

test('what is free is told within the limit, and is never below nothing', (t) => {
  const rss = process.memoryUsage.rss();
  t.is(openDevice('cpu', { memory: 1 }).memory().free, 0);
  const { free, total } = openDevice('cpu', { memory: rss + 512 * MIB }).memory();
  t.true(free <= 512 * MIB && free > 256 * MIB, `${free}`);
  t.true(total >= free);
});

test('activations that do not fit are refused before the graph is loaded, with the batch that might fit', async (t) => {
  const device = openDevice('cpu', { memory: process.memoryUsage.rss() + 600 * MIB });
  const model = smallCnn({ inputShape: [3, 32, 32], classes: 10 });
  const message =
    /does not suffice.*--memory.*activations of a batch of 100000 take about .* GiB.*a batch of \d+ might fit/;
  await t.throwsAsync(TrainingSession.create(model, { loss, batch: 100_000, device }), {
    code: 'OUT_OF_MEMORY',
    message,
  });
  const session = await TrainingSession.create(model, { loss, batch: 8, device });
  session.dispose();
});

test('parameters that do not fit are refused before they are allocated', async (t) => {
  const device = openDevice('cpu', { memory: process.memoryUsage.rss() + 100 * MIB });
  const model = mlp({ inputShape: [1, 64, 64], hidden: [4096], classes: 10 });
  await t.throwsAsync(TrainingSession.create(model, { loss, batch: 1, device }), {
    code: 'OUT_OF_MEMORY',
    message: /parameters and their gradient take 0\.13 GiB, and .* free on cpu/,
  });
});

test('a run that is given too little says so and leaves nothing', async (t) => {
  const { code, stderr } = await runCli(
    ...[
      'train',
      '--data',
      'digits',
      '--model',
      'wrn-10-1',
      '--memory',
      '100MiB',
      '--quiet',
      '--out',
      'never',
    ],
  );
  t.is(code, 1);
  t.regex(stderr, /^flatmin: The .*memory.*\n$|free on cpu/);
});
