import { availableParallelism } from 'node:os';
import { DataLoader, type Dataset, fromArrays } from '../data/index.js';
import { invalid } from '../errors.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import { openModel } from '../models/open.js';
import type { Optimizer } from '../optim/optimizer.js';
import { openRuntime } from '../runtime/library.js';
import { normals } from '../runtime/random.js';
import { bindData, type DataBinding } from './data-binding.js';
import { makeOptimizer } from './make-optimizer.js';
import { assertUsed, resolveSettings } from './resolve-settings.js';
import { TrainingSession } from './session.js';
import type { TrainSettings } from './settings.js';
import type { Execution } from './setup.js';
import { peakRssBytes } from './summary.js';

export interface BenchOptions extends Omit<Execution, 'model' | 'dataset'> {
  /** Steps timed; default 5. */
  steps?: number | undefined;
  /** Steps before these; default 2. */
  warmup?: number | undefined;
  /** Channels × height × width; default 3 × 32 × 32. */
  inputShape?: readonly [number, number, number] | undefined;
  /** Default 10. */
  classes?: number | undefined;
}

export interface BenchReport {
  /** Each timed step. */
  stepSeconds: number[];
  /** Their median. */
  secondsPerStep: number;
  imagesPerSecond: number;
  peakRssBytes: number;
  /** Shares of the time: gradients; the optimizer's own work; waiting for batches. They sum to 1. */
  gradientShare: number;
  optimizerShare: number;
  dataShare: number;
  /** Building the training graph, and loading it. */
  buildSeconds: number;
  steps: number;
  warmup: number;
  model: string;
  parameters: number;
  batch: number;
  threads: number;
  runtime: string;
  optimizer: Record<string, unknown>;
  /** Of the last step. */
  loss: number;
}

/**
 * Times training steps on random images, which come through the loader and its worker threads as in training.
 * @param given the model, the batch, and the settings of the optimizer
 * @throws FlatminError what train throws
 */
export async function benchStep(
  given: Partial<TrainSettings>,
  options: BenchOptions = {},
): Promise<BenchReport> {
  const { steps = 5, warmup = 2, inputShape = [3, 32, 32], classes = 10, workers = 1 } = options;
  const { threads = availableParallelism(), runtime = openRuntime() } = options;
  if (!(Number.isInteger(steps) && steps > 0)) throw invalid('steps', 'a positive integer', steps);
  if (!(Number.isInteger(warmup) && warmup >= 0)) throw invalid('warmup', 'an integer ≥ 0', warmup);
  const settings = resolveSettings({ ...given, data: 'random' });
  assertUsed(given, [settings.optimizer]);
  const { batch, seed, shortcut, labelSmoothing } = settings;
  const dataset = randomImages(inputShape, classes, 2 * batch);
  const loader = new DataLoader({ dataset, split: 'train' }, { batch, seed, workers });
  const optimizer = makeOptimizer(settings, settings.lr);
  const loss = crossEntropy({ labelSmoothing });
  const model = await openModel(settings.model, { classes, inputShape, shortcut, seed });
  const binding = bindData(model, loss, dataset);

  const start = performance.now();
  const session = await TrainingSession.create(model, { loss, batch, seed, threads, runtime });
  const buildSeconds = (performance.now() - start) / 1000;
  try {
    const times = await timeSteps({ session, optimizer, loader, binding }, warmup + steps);
    return {
      ...summarize(times.slice(warmup), batch),
      buildSeconds,
      steps,
      warmup,
      model: settings.model,
      parameters: session.space.arena.count,
      batch,
      threads,
      runtime: runtime.version,
      optimizer: optimizer.describe(),
      loss: times.at(-1)!.loss,
    };
  } finally {
    session.dispose();
    await loader.close();
  }
}

interface Work {
  session: TrainingSession;
  optimizer: Optimizer;
  loader: DataLoader;
  binding: DataBinding;
}

/** Seconds of one step: waiting for its batch, computing gradients, and all of it. */
interface StepTime {
  data: number;
  gradient: number;
  total: number;
  loss: number;
}

async function timeSteps({ session, optimizer, loader, binding }: Work, count: number): Promise<StepTime[]> {
  const times: StepTime[] = [];
  let start = performance.now();
  while (times.length < count) {
    for await (const batch of loader) {
      const ready = performance.now();
      const before = session.gradientSeconds;
      const { loss } = await session.step(binding.feeds(batch), optimizer);
      const end = performance.now();
      times.push({
        data: (ready - start) / 1000,
        gradient: session.gradientSeconds - before,
        total: (end - start) / 1000,
        loss,
      });
      if (times.length === count) break;
      start = performance.now();
    }
  }
  return times;
}

function summarize(times: readonly StepTime[], batch: number) {
  const sum = (part: 'data' | 'gradient' | 'total') => times.reduce((total, time) => total + time[part], 0);
  const [gradientShare, dataShare] = [sum('gradient') / sum('total'), sum('data') / sum('total')];
  const secondsPerStep = median(times.map(({ total }) => total));
  return {
    stepSeconds: times.map(({ total }) => total),
    secondsPerStep,
    imagesPerSecond: batch / secondsPerStep,
    peakRssBytes: peakRssBytes(),
    gradientShare,
    optimizerShare: 1 - gradientShare - dataShare,
    dataShare,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function randomImages(shape: readonly [number, number, number], classes: number, size: number): Dataset {
  const pixels = shape.reduce((product, dim) => product * dim, 1);
  const labels = Int32Array.from({ length: size }, (_, i) => i % classes);
  return fromArrays({
    name: 'random',
    shape,
    classes,
    train: { images: normals(size * pixels, 0, 0), labels },
  });
}
