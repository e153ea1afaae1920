import { type Dataset, sharedDataset } from '../data/index.js';
import type { TrainSummary } from '../formats/run/summary.js';
import type { Execution } from '../run/execution.js';
import { readRunConfig } from '../run/folder/run-folder.js';
import { type TrainOptions, train } from '../run/train.js';
import type { Measure } from './measure-job.js';
import type { Job } from './plan.js';
import type { RunJob } from './run-jobs.js';

/**
 * Jobs that train and then measure sharpness.
 * @param datasets by name, as the jobs have it
 */
export function trainingJobs(
  execution: Execution,
  measure: Measure,
  datasets: ReadonlyMap<string, Dataset>,
  onUninterrupted?: TrainOptions['onUninterrupted'],
): RunJob {
  return async (job, { dir, signal, label }) => {
    const run = { ...execution, dataset: datasets.get(job.data), signal, onUninterrupted };
    const resume = (await readRunConfig(dir)) !== undefined;

    const began = performance.now();
    const summary = await train(resume ? {} : job.settings, { ...run, out: dir, resume, label });
    const trained = performance.now();
    const { device, threads, memory, runtime, cudaGraphs } = execution;
    const finished = { device, threads, memory, runtime, cudaGraphs, dataset: run.dataset, signal, dir };
    const sharpness = job.sharpness && (await measure(finished, job.sharpness));
    return {
      metrics: { ...summaryMetrics(summary), ...prefixed(sharpness?.values ?? {}) },
      ...(sharpness && { sharpness: sharpness.report }),
      seconds: {
        train: (trained - began) / 1000,
        ...(sharpness && { sharpness: (performance.now() - trained) / 1000 }),
      },
    };
  };
}

/** The data sets of jobs that fit in memory, by name. @throws what openDataset throws */
export async function openDatasets(jobs: readonly Job[]): Promise<Map<string, Dataset>> {
  const specs = new Map(jobs.map(({ data, settings }) => [data, settings.data!]));
  const opened = new Map<string, Dataset>();
  for (const [name, spec] of specs) {
    const dataset = await sharedDataset(spec);
    if (dataset) opened.set(name, dataset);
  }
  return opened;
}

function summaryMetrics(summary: TrainSummary): Record<string, number | null> {
  const { accuracy, trainAccuracy, trainLoss, testLoss, generalizationGap, secondsPerStep } = summary;
  return { accuracy, trainAccuracy, trainLoss, testLoss, generalizationGap, secondsPerStep };
}

function prefixed(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`sharpness.${name}`, value]));
}
