import { basename, join, resolve } from 'node:path';
import { checkLandscape, type LandscapeFile } from '../../formats/landscape-file.js';
import { checkConfig } from '../../formats/run/config.js';
import { checkEvaluationFile, type EvaluationFile } from '../../formats/run/evaluation.js';
import { checkSummary, type TrainSummary } from '../../formats/run/summary.js';
import { filesIn, type Json, readChecked } from './json.js';
import { type Metrics, readMetrics } from './metrics.js';
import { type Sharpness, sharpnessOf } from './sharpness.js';

/** What a run's folder holds; parts that are not there yet are undefined or empty. */
export interface Run {
  readonly name: string;
  readonly dir: string;
  readonly config: Json | undefined;
  readonly metrics: Metrics;
  readonly summary: TrainSummary | undefined;
  /** The last one on the test set. */
  readonly evaluation: EvaluationFile | undefined;
  readonly sharpness: readonly Sharpness[];
  readonly landscapes: readonly LandscapeFile[];
  /** What could not be read. */
  readonly notes: readonly string[];
}

/** Reads a run's folder, also one that is being written. */
export async function readRun(dir: string, name = basename(resolve(dir))): Promise<Run> {
  const notes: string[] = [];
  const many = async <T>(pattern: RegExp, check: (content: unknown, path: string) => T): Promise<T[]> => {
    const found: T[] = [];
    for (const path of await filesIn(dir, pattern)) {
      const made = await readChecked(path, check, notes);
      if (made !== undefined) found.push(made);
    }
    return found;
  };
  return {
    name,
    dir,
    config: await readChecked(join(dir, 'config.json'), checkConfig, notes),
    metrics: await readMetrics(join(dir, 'metrics.jsonl'), notes),
    summary: await readChecked(join(dir, 'summary.json'), checkSummary, notes),
    evaluation: await readChecked(join(dir, 'evaluation.json'), checkEvaluationFile, notes),
    sharpness: await many(/^sharpness.*\.json$/, sharpnessOf),
    landscapes: await many(/^landscape.*\.json$/, checkLandscape),
    notes,
  };
}
