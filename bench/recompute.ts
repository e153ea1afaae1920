/**
 * What recomputation saves and takes: steps of SGD on one batch, each setting in a process of its own, so that its peak is its own.
 *
 *     node dist/bench/recompute.js MODEL.onnx|wrn-DEPTH-WIDTH BATCH [STEPS [SETTING ...]]
 *
 * A SETTING is `false`, `true` or a share of the activation memory; default all of false, 0.7 and true. BATCH 0: the model's own.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { peakMemoryBytes } from '../src/bench/peak-memory.js';
import { crossEntropy, SGD, TrainingSession } from '../src/index.js';
import { openModel } from '../src/models/open.js';

const [name = 'wrn-16-4', batch = '64', steps = '3', ...settings] = process.argv.slice(2);
if (settings.length !== 1) {
  const self = fileURLToPath(import.meta.url);
  for (const setting of settings.length > 0 ? settings : ['false', '0.7', 'true'])
    execFileSync(process.execPath, [self, name, batch, steps, setting], { stdio: 'inherit' });
} else {
  const setting = settings[0]!;
  const model = name.endsWith('.onnx')
    ? name
    : await openModel(name, { classes: 10, inputShape: [3, 32, 32] });
  const session = await TrainingSession.create(model, {
    loss: crossEntropy(),
    ...(batch !== '0' && { batch: Number(batch) }),
    recompute: setting === 'true' || (setting !== 'false' && Number(setting)),
  });
  const arrays = session.feedInputs.map(({ name: input, type, dims }) => {
    const length = dims.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length }, (_, at) => Math.sin(0.37 * at + (at % 97)));
    return [input, type === 1 ? values : BigInt64Array.from(values, (value) => BigInt(value > 0))] as const;
  });
  const optimizer = new SGD({ lr: 0.01 });
  const seconds: number[] = [];
  let loss = 0;
  for (let step = 0; step < Number(steps); step++) {
    const before = process.cpuUsage();
    ({ loss } = await session.step(Object.fromEntries(arrays), optimizer));
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  const peak = peakMemoryBytes() / 2 ** 20;
  console.log(
    `${name}, recompute ${setting}: ${peak.toFixed(0)} MiB, ${Math.min(...seconds).toFixed(2)} processor seconds a step, last loss ${loss}`,
  );
  const { recomputation } = session;
  if (recomputation) console.log(`  ${session.notes.at(-1)}`);
  session.dispose();
}
