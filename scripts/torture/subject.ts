import { join } from 'node:path';
import { RUN_FILES } from '../../src/formats/run/files.js';
import { processStart } from '../../src/run/folder/process-start.js';
import { train } from '../../src/run/train.js';
import type { FileOperation } from './operation.js';
import { hasRun, type Outcome, readOutcome } from './outcome.js';
import { EXECUTION, type Run } from './runs.js';
import { watchFiles } from './watch-files.js';

/** Where a run is, in the folder that is watched: its own name must survive too. */
export const RUN = 'run';

/** A run that went through once, undisturbed. */
export interface Subject {
  readonly run: Run;
  /** Holds its folder, RUN. */
  readonly root: string;
  readonly expected: Outcome;
  /** What it did to the files of `root`, from the beginning. */
  readonly operations: readonly FileOperation[];
}

export async function makeSubject(run: Run, root: string): Promise<Subject> {
  const { operations } = await recorded(root, () => finish(run, join(root, RUN)));
  return { run, root, expected: await readOutcome(join(root, RUN)), operations };
}

/** Begins or goes on with a run in this process, to its end. @returns what was warned of, but for going back after divergence */
export async function finish({ settings }: Run, out: string): Promise<string[]> {
  const warnings: string[] = [];
  const warn = (text: string) => void (/Going back to step/.test(text) || warnings.push(text));
  if (hasRun(out)) await train({}, { out, resume: true, workers: EXECUTION.workers, warn });
  else await train(settings, { ...EXECUTION, out, warn });
  return warnings;
}

/** What `work` does to the files of `root`, and gives. Locks look as if another process had held them, which is dead by now. */
export async function recorded<T>(
  root: string,
  work: () => Promise<T>,
): Promise<{ operations: FileOperation[]; result: T }> {
  const operations: FileOperation[] = [];
  const own = processStart(process.pid) ?? 'unknown';
  const dead = own.replace(/\d+$/, (digits) => '0'.repeat(digits.length));
  const stop = await watchFiles(root, {
    after(operation) {
      if (operation.kind !== 'write' || !/\.lock/.test(operation.path))
        return void operations.push(operation);
      const text = Buffer.from(operation.bytes).toString('latin1');
      operations.push({ ...operation, bytes: Buffer.from(text.replaceAll(own, dead), 'latin1') });
    },
  });
  try {
    return { operations, result: await work() };
  } finally {
    stop();
  }
}

export const CHECKPOINT = join(RUN, RUN_FILES.checkpoint);
