import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../../errors.js';
import { digestOf } from '../../formats/digest.js';
import type { RunConfigFile } from '../../formats/run/config.js';
import { RUN_FILES } from '../../formats/run/files.js';
import { parseMetricsLine } from '../../formats/run/metrics.js';
import { openCheckpoint } from '../checkpoint/file.js';
import { checkpointName, checkpointNumbers, NAMED_CHECKPOINTS } from '../checkpoint/kept.js';
import type { MetricsMark } from '../folder/metrics.js';
import { readSummary } from '../summary.js';
import { checkFile } from '../trained-model.js';
import { type Finding, finding } from './finding.js';

/** The checkpoints of a run, and its records as far as the newest whole one counts on them. */
export async function verifyCheckpoints(
  dir: string,
  names: readonly string[],
  { run, seed }: RunConfigFile & { seed?: unknown },
): Promise<Finding[]> {
  if (!run) return [];
  const context = { run: run.id, seed: Number(seed) };
  const findings: Finding[] = [];
  let mark: MetricsMark | undefined;
  const numbers = checkpointNumbers(names);
  if (run.checkpointed && numbers[0] !== 0)
    findings.push({ path: join(dir, checkpointName(0)), state: 'damaged', message: 'It is missing.' });
  const named = NAMED_CHECKPOINTS.map((each) => RUN_FILES[each]).filter((name) => names.includes(name));
  for (const name of [...numbers.map(checkpointName), ...named]) {
    const path = join(dir, name);
    const found = await finding(path, async () => {
      const { record } = await openCheckpoint(path, context);
      mark ??= record.mark;
      return `after step ${record.state.step}`;
    });
    findings.push(found);
  }
  findings.push(await metricsFinding(join(dir, RUN_FILES.metrics), mark));
  return findings;
}

const metricsFinding = (path: string, mark: MetricsMark | undefined): Promise<Finding> =>
  finding(path, async () => {
    const bytes = await readIfThere(path);
    const { bytes: length, digest } = mark ?? { bytes: 0, digest: digestOf('') };
    const found = digestOf(bytes.subarray(0, length));
    if (bytes.length < length || found !== digest)
      throw new FlatminError(
        'INVALID_DATA',
        `The records up to the checkpoint are not those that were written: expected ${length} bytes of digest ${digest}, but found ${Math.min(length, bytes.length)} of ${found}.`,
      );
    const lines = bytes.subarray(length).toString('utf8').split('\n');
    const torn = lines.pop();
    for (const [i, line] of lines.entries())
      parseMetricsLine(line, `${path}, line ${i + 1} after the checkpoint`);
    return torn ? 'The last line is torn, as a kill leaves it: a resumed run writes it again.' : undefined;
  });

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** The files that a finished run's summary counts on. */
export async function verifyResults(dir: string, names: readonly string[]): Promise<Finding[]> {
  if (!names.includes(RUN_FILES.summary)) return [];
  const summary = await readSummary(join(dir, RUN_FILES.summary)).catch((error) => {
    if (error instanceof FlatminError) return undefined;
    throw error;
  });
  const files = Object.entries(summary?.files ?? {});
  return Promise.all(
    files.map(([name, expected]) =>
      finding(join(dir, name), async () => {
        if (!names.includes(name)) throw new FlatminError('INVALID_DATA', 'It is missing.');
        await checkFile(join(dir, name), expected);
      }),
    ),
  );
}
