import { readFile } from 'node:fs/promises';
import { parseJson } from '../../formats/run/checked.js';
import { checkConfig } from '../../formats/run/config.js';
import { RUN_FILES } from '../../formats/run/files.js';
import { checkJobFailure, checkJobResult } from '../../formats/run/job.js';
import { checkResults } from '../../formats/run/results.js';
import { checkSummary } from '../../formats/run/summary.js';
import { checkEvents } from '../../formats/tensorboard.js';
import { type Finding, finding } from './finding.js';

const CHECKS: ReadonlyMap<string, (content: unknown, path: string) => unknown> = new Map([
  [RUN_FILES.config, checkConfig],
  [RUN_FILES.summary, checkSummary],
  ['job.json', checkJobResult],
  ['failure.json', checkJobFailure],
  ['results.json', checkResults],
]);

/** A file that can be checked by itself. */
export async function verifyFile(path: string, name: string): Promise<Finding> {
  const check = CHECKS.get(name);
  if (check)
    return finding(path, async () => void check(parseJson(await readFile(path, 'utf8'), path), path));
  if (name.startsWith('events.out.tfevents.')) return finding(path, () => checkEvents(path));
  return { path, state: 'unchecked' };
}
