import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { flatmin } from '../../../src/lowering/targets.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { SGD } from '../../../src/optim/sgd.js';
import { openRuntime } from '../../../src/ort/library.js';
import { TrainingSession } from '../../../src/session/session.js';

test('the gradient of a weight is computed before those of earlier layers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-order-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const model = wideResNet({ depth: 16, width: 1, classes: 10, seed: 0 });
  const session = await TrainingSession.create(model, {
    ...{ loss: crossEntropy(), batch: 4, runtime: openRuntime('stock'), target: flatmin, threads: 1 },
    profilePrefix: join(folder, 'profile'),
  });
  const images = new Float32Array(4 * 3 * 32 * 32).map((_, at) => Math.sin(at));
  await session.step({ images, labels: BigInt64Array.of(1n, 2n, 3n, 4n) }, new SGD({ lr: 0.1 }));
  session.dispose();
  const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as {
    name: string;
    args: { op_name?: string };
  }[];
  const run = events
    .filter(({ name }) => name.endsWith('_kernel_time'))
    .map(({ args }) => args.op_name)
    .filter((op) => op === 'ConvGradWeight' || op === 'BatchNormGrad');
  // Of each block, one normalisation behind another, there is a weight's gradient between.
  const waiting = run
    .map((_, at) => run.slice(0, at + 1).filter((op) => op === 'BatchNormGrad').length)
    .map((norms, at) => norms - run.slice(0, at + 1).filter((op) => op === 'ConvGradWeight').length);
  t.true(run.filter((op) => op === 'ConvGradWeight').length > 10);
  t.true(Math.max(...waiting) <= 1, `${run.join(' ')}`);
});
