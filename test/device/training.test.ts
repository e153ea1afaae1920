import { wideResNet } from '../../src/models/wide-resnet.js';
import { SGD } from '../../src/optim/sgd.js';
import { train } from '../../src/run/train.js';
import { abortedAfter } from '../aborted-after.js';
import { temporaryFolder } from '../e2e/run-cli.js';
import { gpuTest } from './gpu.js';
import { randomBatch, sessionOn } from './problems.js';

const settings = {
  model: 'wrn-16-1',
  data: 'digits',
  optimizer: 'sam',
  epochs: 8,
  batch: 64,
  seed: 1,
} as const;

for (const precision of ['fp32', 'tf32', 'fp16'] as const) {
  gpuTest(`SAM learns the digits in ${precision}`, async (t, { device }) => {
    const out = `${await temporaryFolder(t)}/run`;
    const summary = await train({ ...settings, precision }, { out, device: device.name });
    t.log(
      `accuracy ${summary.accuracy}, ${summary.imagesPerSecond.toFixed(0)} images/s, ${summary.skippedSteps} steps skipped`,
    );
    t.true(summary.accuracy! > 0.93);
    t.true(summary.skippedSteps < 10);
  });
}

gpuTest('a run that is resumed goes on from where it was', async (t, { device }) => {
  const folder = await temporaryFolder(t);
  const whole = await train({ ...settings, epochs: 3 }, { out: `${folder}/whole`, device: device.name });
  const options = { out: `${folder}/parts`, device: device.name };
  await t.throwsAsync(train({ ...settings, epochs: 3 }, { ...options, signal: abortedAfter(20) }), {
    code: 'INTERRUPTED',
  });
  const resumed = await train({ ...settings, epochs: 3 }, { ...options, resume: true });
  t.is(resumed.steps, whole.steps);
  t.true(Math.abs(resumed.trainLoss - whole.trainLoss) < 0.05);
});

gpuTest('a batch that is too large says which might fit', async (t, gpu) => {
  const batch = 2 ** 15;
  const error = await t.throwsAsync(async () => {
    const session = await sessionOn(wideResNet({ depth: 28, width: 10 }), batch, gpu);
    await session.step(randomBatch(batch, [3, 32, 32]), new SGD({ lr: 0.1 }));
  });
  t.regex(error!.message, /a batch of \d+ might fit/);
});
