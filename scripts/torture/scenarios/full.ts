import { join } from 'node:path';
import { verify } from '../../../src/run/verify/verify.js';
import { Disk } from '../disk.js';
import { startRun } from '../processes.js';
import type { Scenario } from '../scenario.js';
import { RUN } from '../subject.js';
import { faultsOfGoingOn } from './ending.js';

/** From one of its writes on, a run finds the disk full: from the beginning, or where another was killed. */
export const full: Scenario = async ({ subject, dir, random }) => {
  const { operations, run } = subject;
  const done = random.of([0, random.between(0, operations.length)]);
  const disk = new Disk();
  for (const operation of operations.slice(0, done)) disk.apply(operation);
  disk.writeAll(dir);
  const writes = operations.slice(done).filter(({ kind }) => kind === 'write').length;
  const out = join(dir, RUN);
  const { code, stderr } = await startRun(run, dir, { fullAt: random.between(1, Math.max(1, writes)) })
    .result;
  const faults: string[] = [];
  if (code !== 0) {
    if (code !== 1) faults.push(`exit code ${code} of a full disk: ${stderr}`);
    if (!stderr.includes(out) || !stderr.includes('ENOSPC') || /\n {4}at /.test(stderr))
      faults.push(`says not which file did not fit: ${stderr}`);
    faults.push(...(await damaged(out)));
  }
  return { faults: [...faults, ...(await faultsOfGoingOn(subject, dir))] };
};

async function damaged(out: string): Promise<string[]> {
  const faults: string[] = [];
  try {
    for await (const { path, state, message } of verify(out))
      if (state === 'damaged') faults.push(`damaged by a full disk: ${path}: ${message}`);
  } catch {
    // There is no folder yet.
  }
  return faults;
}
