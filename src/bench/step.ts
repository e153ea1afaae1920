import { z } from 'zod';
import { checked, type Given, option } from '../options/option.js';
import type { TrainSettings } from '../settings/schema.js';
import { takenDeviceBytes } from './device-memory.js';
import type { BenchOptions } from './options.js';
import { peakMemoryBytes } from './peak-memory.js';
import { median } from './statistics.js';
import { type StepTime, timeSteps } from './time-steps.js';
import { type Tracing, traced } from './trace/traced.js';
import { openLoader, openSession, openWorkload, type Workload } from './workload.js';

export const profileOption = {
  /** Writes a trace of the run here, for Perfetto and chrome://tracing: ONNX Runtime's kernels and flatmin's own work. */
  profile: option(z.string().min(1, 'the path of a file').optional(), {
    symbol: 'file',
    help: 'a trace of the steps for Perfetto or chrome://tracing',
  }),
};

/** How steps are timed. */
export interface StepBenchOptions extends BenchOptions, Given<typeof profileOption> {
  /** Stops it with INTERRUPTED. */
  signal?: AbortSignal | undefined;
}

/** What a training step takes, in time and memory. */
export interface BenchReport {
  /** Each timed step. */
  stepSeconds: number[];
  /** Their median. */
  secondsPerStep: number;
  /** The batch over `secondsPerStep`. */
  imagesPerSecond: number;
  /** The largest resident set of the process. */
  peakRssBytes: number;
  /** Memory of the GPU that the session took, at its most; null on the CPU. */
  peakDeviceBytes: number | null;
  /** Shares of the time: gradients; the optimizer's own work; waiting for batches. They sum to 1. On a GPU the first two are null. */
  gradientShare: number | null;
  /** The optimizer's own work: see `gradientShare`. */
  optimizerShare: number | null;
  /** Waiting for batches: see `gradientShare`. */
  dataShare: number;
  /** On a GPU: share of the time in which the host feeds and queues steps; null on the CPU, which does them. */
  hostShare: number | null;
  /** Building the training graph, and loading it. */
  buildSeconds: number;
  /** Steps timed. */
  steps: number;
  /** Steps before these. */
  warmup: number;
  /** Its name or path, as the setting `model`. */
  model: string;
  /** Numbers in all parameters. */
  parameters: number;
  /** Samples in a batch. */
  batch: number;
  /** Of work on the CPU. */
  threads: number;
  /** Version of ONNX Runtime. */
  runtime: string;
  /** 'cpu' or 'cuda:<i>'. */
  device: string;
  /** That the step was computed in: see the setting `precision`. */
  precision: string;
  /** As its `describe` tells it. */
  optimizer: Record<string, unknown>;
  /** Of the last step. */
  loss: number;
}

/**
 * Times training steps on random images, which come through the loader and its worker threads as in training.
 * @param given the model, the batch, and the settings of the optimizer
 * @throws FlatminError what train throws; INTERRUPTED on `signal`
 */
export async function benchStep(
  given: Partial<TrainSettings>,
  options: StepBenchOptions = {},
): Promise<BenchReport> {
  checked(profileOption, options);
  const { profile, signal, ...execution } = options;
  const workload = await openWorkload(given, execution);
  return profile === undefined
    ? measure(workload, signal)
    : traced(workload, profile, (tracing) => measure(workload, signal, tracing));
}

async function measure(
  workload: Workload,
  signal: AbortSignal | undefined,
  tracing: Partial<Tracing> = {},
): Promise<BenchReport> {
  const { settings, steps, warmup, binding, device } = workload;
  const { optimizer = workload.optimizer, spans, device: on = device, profilePrefix } = tracing;
  const memory = takenDeviceBytes(device);
  const start = performance.now();
  const session = await openSession(workload, { profilePrefix, on });
  spans?.add('building graph and session', 'work', start, performance.now());
  const buildSeconds = (performance.now() - start) / 1000;
  const loader = openLoader(workload);
  try {
    const times = await timeSteps({ session, optimizer, loader, binding, spans, signal }, warmup + steps);
    return {
      ...summarize(times.slice(warmup), settings.batch, device.facts.queuesWork),
      buildSeconds,
      steps,
      warmup,
      model: settings.model,
      parameters: session.space.arena.count,
      batch: settings.batch,
      threads: device.threads,
      runtime: workload.runtime.version,
      device: device.name,
      precision: settings.precision,
      optimizer: optimizer.describe(),
      loss: times.at(-1)!.loss,
      peakRssBytes: peakMemoryBytes(),
      peakDeviceBytes: memory(),
    };
  } finally {
    session.dispose();
    await loader.close();
  }
}

function summarize(times: readonly StepTime[], batch: number, queuesWork: boolean) {
  const sum = (part: keyof StepTime) => times.reduce((total, time) => total + time[part], 0);
  const shareOf = (part: keyof StepTime) => sum(part) / sum('total');
  const secondsPerStep = median(times.map(({ total }) => total));
  return {
    stepSeconds: times.map(({ total }) => total),
    secondsPerStep,
    imagesPerSecond: batch / secondsPerStep,
    gradientShare: queuesWork ? null : shareOf('gradient'),
    optimizerShare: queuesWork ? null : 1 - shareOf('gradient') - shareOf('data'),
    dataShare: shareOf('data'),
    hostShare: queuesWork ? shareOf('host') : null,
  };
}
