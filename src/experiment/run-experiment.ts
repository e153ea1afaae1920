import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { FlatminError } from '../errors.js';
import { makeDirectorySync, removeTemporaryFiles, writeFileAtomic } from '../formats/atomic.js';
import { sealedJson } from '../formats/digest.js';
import type { JobResult } from '../formats/run/job.js';
import type { ExperimentResults } from '../formats/run/results.js';
import { checked, type Given } from '../options/option.js';
import { type Execution, openExecution } from '../run/execution.js';
import { assertSameConfig } from '../run/folder/run-config.js';
import { readRunConfig } from '../run/folder/run-folder.js';
import { RunLock } from '../run/folder/run-lock.js';
import type { TrainOptions } from '../run/train.js';
import { resolveSettings } from '../settings/resolve.js';
import { jobFolder, readJobFailure, readJobResult } from './job-folder.js';
import { measureJob } from './measure-job.js';
import { openExperiment } from './open.js';
import { type Job, type Plan, type PlanOptions, planExperiment, shardOf, type shardOption } from './plan.js';
import { tabulate } from './results.js';
import { jobOptions, type RunJob, type RunJobsOptions, runJobs } from './run-jobs.js';
import { checkExperiment, type ExperimentFile } from './schema.js';
import { jobsCsv, markdownTable, textTable } from './table.js';
import { openDatasets, trainingJobs } from './training-job.js';

/** Milliseconds. */
const LOCK_INTERVAL = 50;
const LOCK_PATIENCE = 10_000;

/** What is done of an experiment, and how. */
export interface ExperimentOptions
  extends PlanOptions,
    RunJobsOptions,
    Given<typeof shardOption>,
    Pick<Execution, 'device' | 'threads' | 'memory' | 'workers' | 'runtime' | 'cudaGraphs'>,
    Pick<TrainOptions, 'onUninterrupted'> {
  /** Instead of training and measuring. */
  runJob?: RunJob | undefined;
}

/** A job without a result. */
export interface MissingJob {
  /** The job's. */
  readonly id: string;
  /** 'failed': in its last try. 'in use': another process holds it. 'not done': nobody has yet, as with a shard. */
  readonly reason: 'failed' | 'in use' | 'not done';
  /** Of the failure. */
  readonly message?: string;
}

/** How far an experiment has come. */
export interface ExperimentReport {
  /** Jobs of the whole experiment. */
  readonly total: number;
  /** Undefined while jobs are missing. */
  readonly results: ExperimentResults | undefined;
  /** Jobs without a result. */
  readonly missing: readonly MissingJob[];
}

/**
 * Does the jobs of an experiment that are not done, each in OUT/jobs/ID, and tabulates once all are: results.json, results.csv (a line
 * a job) and table.md in OUT. Any number of processes may share OUT.
 * @param experiment a built-in name, a path ending in .json, or the document itself
 * @throws FlatminError INVALID_ARGUMENT for a bad experiment or option, or where OUT holds a job of other settings; what opening
 * the data throws; INTERRUPTED on `signal`: the same call goes on. A job's failure is reported, not thrown.
 */
export async function runExperiment(
  experiment: string | ExperimentFile,
  options: ExperimentOptions,
): Promise<ExperimentReport> {
  const document =
    typeof experiment === 'string' ? await openExperiment(experiment) : checkExperiment(experiment);
  const plan = planExperiment(document, options);
  const { out, shard } = options;
  checked(jobOptions, options);
  const own = shard ? shardOf(plan.jobs, shard) : plan.jobs;
  for (const job of plan.jobs) await assertSameSettings(out, job);

  const runJob = options.runJob ?? (await ownJobs(own, options));
  makeDirectorySync(out);
  await writeShared(out, { 'experiment.json': json(experimentOf(plan)) });
  try {
    const inUse = await runJobs(own, runJob, options);
    return await report(plan, out, new Set(inUse));
  } catch (error) {
    if (error instanceof FlatminError && error.code === 'INTERRUPTED')
      throw await interrupted(plan, out, error);
    throw error;
  }
}

/** Training and measuring, with the data of the jobs that are not done. */
async function ownJobs(jobs: readonly Job[], options: ExperimentOptions): Promise<RunJob> {
  const { out, device, memory, workers, runtime, cudaGraphs } = options;
  const { jobs: atATime } = checked(jobOptions, options);
  const { threads = Math.max(1, Math.floor(availableParallelism() / atATime)) } = options;
  const execution = { device, threads, memory, workers, runtime, cudaGraphs };
  // What no job could run on is told once, before anything is written.
  for (const precision of new Set(jobs.map(({ settings }) => settings.precision)))
    openExecution(execution, precision);
  const results = await Promise.all(jobs.map((job) => readJobResult(out, job)));
  const datasets = await openDatasets(jobs.filter((_, index) => !results[index]));
  return trainingJobs(execution, measureJob, datasets, options.onUninterrupted);
}

/** Where the experiment stands; tabulates where all is done. */
async function report(plan: Plan, out: string, inUse: ReadonlySet<Job>): Promise<ExperimentReport> {
  const done: JobResult[] = [];
  const missing: MissingJob[] = [];
  for (const job of plan.jobs) {
    const result = await readJobResult(out, job);
    if (result) done.push(result);
    else missing.push(await whyMissing(out, job, inUse.has(job)));
  }
  const total = plan.jobs.length;
  if (missing.length > 0) return { total, results: undefined, missing };
  const results = tabulate(plan, done);
  await writeShared(out, {
    'results.csv': jobsCsv(results),
    'table.md': markdownTable(results.title, textTable(results)),
    'results.json': sealedJson(results),
  });
  return { total, results, missing };
}

async function whyMissing(out: string, job: Job, inUse: boolean): Promise<MissingJob> {
  if (inUse) return { id: job.id, reason: 'in use' };
  const failure = await readJobFailure(out, job);
  return failure
    ? { id: job.id, reason: 'failed', message: failure.message }
    : { id: job.id, reason: 'not done' };
}

/** The folder of the data may differ: it is another one on another machine. */
async function assertSameSettings(out: string, job: Job): Promise<void> {
  const dir = jobFolder(out, job);
  const saved = await readRunConfig(dir);
  if (!saved) return;
  try {
    assertSameConfig({ ...saved, ...saved.asked }, resolveSettings(job.settings), ['data']);
  } catch (cause) {
    if (!(cause instanceof FlatminError)) throw cause;
    throw new FlatminError(cause.code, `${dir} is a job of other settings. ${cause.message}`, { cause });
  }
}

async function interrupted(plan: Plan, out: string, cause: FlatminError): Promise<FlatminError> {
  const results = await Promise.all(plan.jobs.map((job) => readJobResult(out, job)));
  const done = results.filter((result) => result !== undefined).length;
  return new FlatminError(
    'INTERRUPTED',
    `${cause.message} ${done} of ${plan.jobs.length} jobs are done; the same command goes on.`,
    { cause },
  );
}

/** The experiment with the chosen scale alone: a file that does the same again. */
function experimentOf({ experiment, scaleName, scale, seeds }: Plan): ExperimentFile {
  return { ...experiment, scales: { [scaleName]: { ...scale, seeds: [...seeds] } } };
}

/** Writes the files that processes share. */
async function writeShared(out: string, files: Readonly<Record<string, string>>): Promise<void> {
  const lock = await lockSoon(join(out, 'experiment.lock'));
  try {
    await removeTemporaryFiles(out);
    for (const [name, text] of Object.entries(files)) await writeFileAtomic(join(out, name), text);
  } finally {
    lock.release();
  }
}

/** Others hold it for as long as a few small files take. @throws FlatminError IN_USE */
async function lockSoon(path: string): Promise<RunLock> {
  for (let waited = 0; ; waited += LOCK_INTERVAL) {
    try {
      return RunLock.acquire(path);
    } catch (error) {
      const inUse = error instanceof FlatminError && error.code === 'IN_USE';
      if (!inUse || waited >= LOCK_PATIENCE) throw error;
      await setTimeout(LOCK_INTERVAL);
    }
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
