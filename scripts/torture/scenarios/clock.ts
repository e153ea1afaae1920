import { Disk } from '../disk.js';
import { startRun } from '../processes.js';
import type { Scenario } from '../scenario.js';
import { faultsOfGoingOn } from './ending.js';

/** A run that was killed goes on with the clock some hours back. */
export const clock: Scenario = async ({ subject, dir, random }) => {
  const { operations, run } = subject;
  const disk = new Disk();
  for (const operation of operations.slice(0, random.between(0, operations.length))) disk.apply(operation);
  disk.writeAll(dir);
  const { code, stderr } = await startRun(run, dir, { hoursBack: random.between(1, 48) }).result;
  return {
    faults: [...(code === 0 ? [] : [`refused: ${stderr}`]), ...(await faultsOfGoingOn(subject, dir))],
  };
};
