/**
 * One optimizer step on each runtime and in each form of the training graph, on this machine's CPU: steps alternate in one process, so that
 * a slow spell of the machine meets all of them. Printed are medians, and the ratio to the first.
 *
 *     node dist/bench/runtimes.js [--model wrn-28-10] [--batch 16] [--optimizer sam] [--rounds 5]
 *
 * The training build is the installed one (flatmin runtime install), or what FLATMIN_TRAINING_RUNTIME names.
 */
import { parseArgs } from 'node:util';
import { normals } from '../src/addon/random.js';
import { median } from '../src/bench/statistics.js';
import { targetFor } from '../src/capabilities/target-for.js';
import { crossEntropy } from '../src/losses/cross-entropy.js';
import { standard, type Target, training } from '../src/lowering/targets.js';
import { openModel } from '../src/models/open.js';
import { openRuntime, type Runtime } from '../src/ort/library.js';
import { TrainingSession } from '../src/session/session.js';
import { makeOptimizer } from '../src/settings/make-optimizer.js';
import { resolveSettings } from '../src/settings/resolve.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'wrn-28-10' },
    batch: { type: 'string', default: '16' },
    optimizer: { type: 'string', default: 'sam' },
    rounds: { type: 'string', default: '5' },
  },
});
const batch = Number(values.batch);
const settings = resolveSettings({
  model: values.model,
  data: 'random',
  optimizer: values.optimizer as 'sam',
});
const stock = openRuntime('stock');
const built = openRuntime(process.env.FLATMIN_TRAINING_RUNTIME ?? 'training');
const forms: [string, Runtime, Target][] = [
  ['stock, standard operators', stock, standard],
  ['stock, default', stock, await targetFor(stock, 'cpu')],
  ['training build, training ops', built, training],
  ['training build, default', built, await targetFor(built, 'cpu')],
];

const model = await openModel(values.model, { classes: 10, inputShape: [3, 32, 32], seed: 0 });
const feeds = {
  images: normals(batch * 3072, 0, 0),
  labels: BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 10)),
};
const runs = [];
for (const [name, runtime, target] of forms) {
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch, runtime, target });
  const optimizer = makeOptimizer(settings, settings.lr);
  await session.step(feeds, optimizer);
  runs.push({ name, session, optimizer, seconds: [] as number[] });
}
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { session, optimizer, seconds } of runs) {
    const start = performance.now();
    await session.step(feeds, optimizer);
    seconds.push((performance.now() - start) / 1000);
  }
}
const first = median(runs[0]!.seconds);
for (const { name, seconds } of runs)
  console.log(
    `${name.padEnd(30)} ${median(seconds).toFixed(3)} s a step, ${(median(seconds) / first).toFixed(2)} × the first`,
  );
