import { basename, join, resolve } from 'node:path';
import type { LandscapeFile } from '../../formats/landscape-file.js';
import { checkConfig } from '../../formats/run/config.js';
import { checkSummary, type TrainSummary } from '../../formats/run/summary.js';
import { filesIn, type Json, readChecked, readJsonObject } from './json.js';
import { landscapeOf } from './landscape.js';
import { type Metrics, readMetrics } from './metrics.js';
import { type Sharpness, sharpnessOf } from './sharpness.js';

/** What a run's folder holds; parts that are not there yet are undefined or empty. */
export interface Run {
  readonly name: string;
  readonly dir: string;
  readonly config: Json | undefined;
  readonly metrics: Metrics;
  readonly summary: TrainSummary | undefined;
  readonly sharpness: readonly Sharpness[];
  readonly landscapes: readonly LandscapeFile[];
  /** What could not be read. */
  readonly notes: readonly string[];
}

/** Reads a run's folder, also one that is being written. */
export async function readRun(dir: string, name = basename(resolve(dir))): Promise<Run> {
  const notes: string[] = [];
  const many = async <T>(
    pattern: RegExp,
    read: (value: Json) => T | undefined,
    what: string,
  ): Promise<T[]> => {
    const found: T[] = [];
    for (const path of await filesIn(dir, pattern)) {
      const value = await readJsonObject(path, notes);
      const made = value && read(value);
      if (made) found.push(made);
      else if (value) notes.push(`${path} is not ${what} of this version of flatmin: it is left out.`);
    }
    return found;
  };
  return {
    name,
    dir,
    config: await readChecked(join(dir, 'config.json'), checkConfig, notes),
    metrics: await readMetrics(join(dir, 'metrics.jsonl'), notes),
    summary: await readChecked(join(dir, 'summary.json'), checkSummary, notes),
    sharpness: await many(/^sharpness.*\.json$/, sharpnessOf, 'a measurement of sharpness'),
    landscapes: await many(/^landscape.*\.json$/, landscapeOf, 'a loss surface'),
    notes,
  };
}
