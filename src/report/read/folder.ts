import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { FlatminError } from '../../errors.js';
import { type ComparisonConfigFile, checkConfig, isComparisonConfig } from '../../formats/run/config.js';
import { checkJobFailure } from '../../formats/run/job.js';
import { checkResults, type ExperimentResults } from '../../formats/run/results.js';
import { type Bench, readBench } from './bench.js';
import { type Json, readChecked } from './json.js';
import { type Run, readRun } from './run.js';

/** What a folder holds that a report is made of. */
export type Folder =
  | { readonly kind: 'run'; readonly run: Run }
  | {
      readonly kind: 'comparison';
      readonly name: string;
      readonly settings: Json;
      /** In the comparison's order; those not begun are absent. */
      readonly runs: readonly Run[];
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'experiment';
      readonly name: string;
      /** Undefined until the last job is done. */
      readonly experiment: ExperimentResults | undefined;
      /** Runs of the jobs, by job id. */
      readonly runs: ReadonlyMap<string, Run>;
      readonly failures: readonly { readonly job: string; readonly message: string }[];
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'bench';
      readonly name: string;
      readonly bench: Bench;
      readonly notes: readonly string[];
    };

/**
 * Reads a run, a comparison (`flatmin train --compare`), an experiment (`flatmin experiment`) or measurements (`flatmin bench`), finished or
 * not.
 * @throws FlatminError NOT_FOUND where the folder holds none of them
 */
export async function readFolder(dir: string): Promise<Folder> {
  const found = await stat(dir).catch(() => undefined);
  if (!found?.isDirectory()) throw new FlatminError('NOT_FOUND', `${dir} is not a folder.`);
  const name = basename(resolve(dir));
  const notes: string[] = [];
  const results = await readChecked(join(dir, 'results.json'), checkResults, notes);
  const jobs = await namesIn(join(dir, 'jobs'));
  if (results || jobs.length > 0 || (await exists(join(dir, 'results.json'))))
    return readExperiment(dir, name, results, jobs, notes);
  const config = await readChecked(join(dir, 'config.json'), checkConfig, notes);
  if (config && isComparisonConfig(config)) return readComparison(dir, name, config, notes);
  if (
    (await exists(join(dir, 'config.json'))) ||
    (await exists(join(dir, 'metrics.jsonl'))) ||
    (await exists(join(dir, 'summary.json')))
  )
    return { kind: 'run', run: await readRun(dir) };
  const bench = await readBench(dir, notes);
  if (bench) return { kind: 'bench', name, bench, notes };
  throw new FlatminError(
    'NOT_FOUND',
    `${dir} holds no run, comparison or experiment, and no measurements: expected config.json, metrics.jsonl, results.json, jobs/ or bench-*.json in it, as flatmin train, flatmin experiment and flatmin bench write them.`,
  );
}

async function readComparison(
  dir: string,
  name: string,
  { compare, settings }: ComparisonConfigFile,
  notes: string[],
): Promise<Folder> {
  const runs: Run[] = [];
  for (const each of compare) {
    // A name is one folder below this one, whatever the file says.
    const own = basename(each);
    if (await exists(join(dir, own, 'config.json'))) runs.push(await readRun(join(dir, own), own));
    else notes.push(`${own} has not begun.`);
  }
  return { kind: 'comparison', name, settings, runs, notes };
}

/** The run of a job is in its folder or in one folder below it. */
async function readExperiment(
  dir: string,
  name: string,
  experiment: ExperimentResults | undefined,
  jobs: readonly string[],
  notes: string[],
): Promise<Folder> {
  const runs = new Map<string, Run>();
  const failures: { job: string; message: string }[] = [];
  for (const job of jobs) {
    const own = join(dir, 'jobs', job);
    const failure = await readChecked(join(own, 'failure.json'), checkJobFailure, notes);
    if (failure) failures.push({ job, message: failure.message });
    const place = await runPlace(own);
    if (place) runs.set(job, await readRun(place, job));
  }
  return { kind: 'experiment', name, experiment, runs, failures, notes };
}

async function runPlace(job: string): Promise<string | undefined> {
  for (const place of [job, ...(await namesIn(job)).map((name) => join(job, name))])
    if (await exists(join(place, 'metrics.jsonl'))) return place;
  return undefined;
}

/** Names of folders in a folder, sorted. */
async function namesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
