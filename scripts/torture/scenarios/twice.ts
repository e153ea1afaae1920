import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Disk } from '../disk.js';
import { startRun } from '../processes.js';
import type { Scenario } from '../scenario.js';
import { faultsOfGoingOn } from './ending.js';

/** A process is held up at an operation while another comes to the same folder, and runs as far as it may. */
export const twice: Scenario = async ({ subject, dir, random }) => {
  const { operations, run } = subject;
  const root = join(dir, 'root');
  mkdirSync(root);
  const disk = new Disk();
  for (const operation of operations.slice(0, random.between(0, operations.length - 1)))
    disk.apply(operation);
  disk.writeAll(root);
  const gate = join(dir, 'gate');
  const first = startRun(run, root, { waitAt: random.between(1, 40), waitFor: gate });
  while (!existsSync(`${gate}.reached`) && first.child.exitCode === null) await setTimeout(5);
  const second = await startRun(run, root).result;
  writeFileSync(gate, '');
  const both = [await first.result, second];
  const isRefused = ({ code, stderr }: (typeof both)[number]) =>
    code === 1 && /is held by process|was taken over|already has a run/.test(stderr);
  const faults = both
    .filter((each) => each.code !== 0 && !isRefused(each))
    .map(({ code, stderr }) => `exit code ${code}: ${stderr}`);
  if (both.every(isRefused)) faults.push('neither of two processes went on');
  return { faults: [...faults, ...(await faultsOfGoingOn(subject, root))] };
};
