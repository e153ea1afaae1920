import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { BENCH_NAMES, benchPath, checkBench } from '../../formats/bench/files.js';
import { isSealed } from '../../formats/digest.js';
import { checkLandscape } from '../../formats/landscape-file.js';
import { parseJson } from '../../formats/run/checked.js';
import { checkConfig } from '../../formats/run/config.js';
import { checkEvaluationFile } from '../../formats/run/evaluation.js';
import { RUN_FILES } from '../../formats/run/files.js';
import { checkJobFailure, checkJobResult } from '../../formats/run/job.js';
import { checkResults } from '../../formats/run/results.js';
import { checkSharpness } from '../../formats/run/sharpness.js';
import { checkSummary } from '../../formats/run/summary.js';
import { checkEvents } from '../../formats/tensorboard.js';
import { type Finding, finding } from './finding.js';

type Check = (content: unknown, path: string) => unknown;

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  [RUN_FILES.config, checkConfig],
  [RUN_FILES.summary, checkSummary],
  [RUN_FILES.evaluation, checkEvaluationFile],
  ['job.json', checkJobResult],
  ['failure.json', checkJobFailure],
  ['results.json', checkResults],
  ['sharpness.json', checkSharpness],
  ...BENCH_NAMES.map((name): [string, Check] => [
    basename(benchPath('', name)),
    (content, path) => checkBench(name, content, path),
  ]),
]);

/** A file that can be checked by itself. */
export async function verifyFile(path: string, name: string): Promise<Finding> {
  const check = CHECKS.get(name) ?? (/^landscape.*\.json$/.test(name) ? checkLandscape : undefined);
  if (check) {
    let hasDigest = true;
    const found = await finding(path, async () => {
      const content = parseJson(await readFile(path, 'utf8'), path);
      check(content, path);
      hasDigest = isSealed(content);
    });
    const isUnchecked = found.state === 'whole' && !hasDigest;
    return isUnchecked ? { path, state: 'unchecked', message: 'It carries no digest.' } : found;
  }
  if (name.startsWith('events.out.tfevents.')) return finding(path, () => checkEvents(path));
  return { path, state: 'unchecked' };
}
