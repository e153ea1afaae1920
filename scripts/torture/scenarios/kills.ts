import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startRun } from '../processes.js';
import type { Scenario } from '../scenario.js';
import { RUN } from '../subject.js';
import { faultsOfGoingOn } from './ending.js';

/** Milliseconds that such a run may take, from its first file on. */
const LONGEST = 250;
/** Milliseconds that a process may take until then. */
const START = 600;

/** SIGKILL at any time, up to three times; most are counted from when the process has written its config. */
export const kills: Scenario = async ({ subject, dir, random }) => {
  const most = random.between(1, 3);
  let count = 0;
  const faults: string[] = [];
  while (count < most) {
    const before = inode(dir);
    const { child, result } = startRun(subject.run, dir);
    if (random.between(1, 4) > 1) {
      while (isRunning(child) && inode(dir) === before) await setTimeout(2);
      await setTimeout(random.between(0, LONGEST));
    } else await setTimeout(random.between(0, START));
    child.kill('SIGKILL');
    const { signal, code, stderr } = await result;
    count++;
    if (signal === 'SIGKILL') continue;
    if (code !== 0) faults.push(`refused: ${stderr}`);
    break;
  }
  return { count, faults: [...faults, ...(await faultsOfGoingOn(subject, dir))] };
};

const inode = (root: string) => statSync(join(root, RUN, 'config.json'), { throwIfNoEntry: false })?.ino;

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;
