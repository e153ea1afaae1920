/**
 * What flatmin is to show on a GPU, in one call: gradients against the CPU's, images/s of each precision and optimizer against PyTorch's best
 * mode, ratios of optimizers, host time, memory, and training on CIFAR-10. Each finding is one JSON line on stdout; a part that fails says so
 * and the next begins.
 *
 *     node dist/bench/gpu.js [--device cuda] [--model wrn-28-10] [--batch 128] [--python python3] [--data cifar10:DIR] [--minutes 9]
 *         [--precisions fp32,tf32,fp16] [--parts gradients,ratios,compare,training]
 *
 * Each precision is measured in a process of its own: ONNX Runtime keeps the algorithms of the first. The minutes are shared out evenly;
 * when a precision's are over, no further measurement begins. Without `--data` nothing is trained.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { normals } from '../src/addon/random.js';
import { benchStep } from '../src/bench/step.js';
import { compareTorch } from '../src/bench/torch/compare.js';
import type { Precision } from '../src/compile/precision.js';
import { crossEntropy } from '../src/losses/cross-entropy.js';
import { openModel } from '../src/models/open.js';
import { openExecution } from '../src/run/execution.js';
import { train } from '../src/run/train.js';
import { gradients } from '../src/session/gradients.js';
import type { TrainSettings } from '../src/settings/schema.js';
import { cosineOf } from '../test/gradcheck/cosine.js';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    model: { type: 'string', default: 'wrn-28-10' },
    batch: { type: 'string', default: '128' },
    python: { type: 'string' },
    data: { type: 'string' },
    minutes: { type: 'string', default: '9' },
    precisions: { type: 'string', default: 'fp32,tf32,fp16' },
    parts: { type: 'string', default: 'gradients,ratios,compare,training' },
  },
});
const { device, model, python, data } = values;
const batch = Number(values.batch);
const precisions = values.precisions.split(',') as Precision[];
const end = performance.now() + 60_000 * Number(values.minutes);
const execution = { device };

const optimizers: Record<string, Partial<TrainSettings>> = {
  sgd: { optimizer: 'sgd' },
  'rand-sam': { optimizer: 'rand-sam' },
  sam: { optimizer: 'sam' },
  'sam-2': { optimizer: 'sam', ascentSteps: 2 },
  'sam-3': { optimizer: 'sam', ascentSteps: 3 },
  'sam-5': { optimizer: 'sam', ascentSteps: 5 },
};
const precision = precisions[0]!;
const given = (name: string): Partial<TrainSettings> => ({
  model,
  batch,
  precision,
  nesterov: true,
  ...optimizers[name],
});

const tell = (finding: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(finding)}\n`);

async function attempt(what: Record<string, unknown>, work: () => Promise<Record<string, unknown>>) {
  if (performance.now() > end) return tell({ ...what, skipped: 'out of time' });
  try {
    tell({ ...what, ...(await work()) });
  } catch (error) {
    tell({ ...what, failed: (error as Error).message });
  }
}

/** The angle between the GPU's gradient and the CPU's, on a batch that a CPU can take. */
async function gradientAngle() {
  const size = 16;
  const forward = await openModel(model, { classes: 10, inputShape: [3, 32, 32], seed: 0 });
  const feeds = {
    images: normals(size * 3072, 0, 0),
    labels: BigInt64Array.from({ length: size }, (_, i) => BigInt(i % 10)),
  };
  const options = { loss: crossEntropy(), batch: size };
  const own = await gradients(forward, feeds, {
    ...options,
    precision,
    ...openExecution(execution, precision),
  });
  const cpu = await gradients(forward, feeds, options);
  return { cosine: cosineOf(own.gradients, cpu.gradients), loss: own.loss, cpuLoss: cpu.loss };
}

const parts: Record<string, () => Promise<void>> = {
  async gradients() {
    await attempt({ part: 'gradients', precision }, gradientAngle);
  },
  async ratios() {
    let sgd = Number.NaN;
    for (const optimizer of Object.keys(optimizers)) {
      await attempt({ part: 'ratios', precision, optimizer }, async () => {
        const report = await benchStep(given(optimizer), { ...execution, steps: 10, warmup: 5 });
        if (optimizer === 'sgd') sgd = report.secondsPerStep;
        const { secondsPerStep, imagesPerSecond, hostShare, dataShare, peakDeviceBytes } = report;
        const ratio = secondsPerStep / sgd;
        return { secondsPerStep, imagesPerSecond, ratio, hostShare, dataShare, peakDeviceBytes };
      });
    }
  },
  async compare() {
    for (const optimizer of ['sgd', 'sam']) {
      await attempt({ part: 'compare', precision, optimizer }, async () => {
        const options = { ...execution, python, rounds: 1, steps: 10, warmup: 5 };
        const { flatmin: _, ...comparison } = await compareTorch(given(optimizer), options);
        return { ...comparison };
      });
    }
  },
  async training() {
    if (data === undefined) return;
    for (const optimizer of ['sgd', 'sam']) {
      await attempt({ part: 'training', precision, optimizer }, async () => {
        const out = join(await mkdtemp(join(tmpdir(), 'flatmin-gpu-')), optimizer);
        const settings = { ...given(optimizer), data, epochs: 3, seed: 0 };
        const summary = await train(settings, { ...execution, out, label: `${optimizer} ${precision}` });
        const { accuracy, trainLoss, testLoss, secondsPerStep, imagesPerSecond, skippedSteps } = summary;
        return { accuracy, trainLoss, testLoss, secondsPerStep, imagesPerSecond, skippedSteps };
      });
    }
  },
};

if (precisions.length === 1) {
  for (const part of values.parts.split(',')) await parts[part]!();
} else {
  const minutes = String(Number(values.minutes) / precisions.length);
  for (const each of precisions) {
    const args = [...process.argv.slice(1), '--precisions', each, '--minutes', minutes];
    spawnSync(process.execPath, args, { stdio: 'inherit' });
  }
}
