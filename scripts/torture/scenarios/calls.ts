import { startRun } from '../processes.js';
import type { Scenario } from '../scenario.js';
import { faultsOfGoingOn } from './ending.js';

/** SIGKILL at any operation on a file, and sometimes again at one of the resumed process. */
export const calls: Scenario = async ({ subject, dir, random }) => {
  let count = 0;
  const faults: string[] = [];
  do {
    const killAt = random.between(1, subject.operations.length);
    const { signal, code, stderr } = await startRun(subject.run, dir, { killAt }).result;
    count++;
    if (signal === 'SIGKILL') continue;
    if (code !== 0) faults.push(`refused: ${stderr}`);
    break;
  } while (count < 3 && random.between(0, 2) === 0);
  return { count, faults: [...faults, ...(await faultsOfGoingOn(subject, dir))] };
};
