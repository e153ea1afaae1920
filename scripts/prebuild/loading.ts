import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Runner } from './runners.js';

export interface Trial {
  readonly failed: boolean;
  /** "loads in Node v24.1.0 …", or why it failed. */
  readonly told: string;
}

/** Loads an addon in Node, and under Node's other name where the runner has one. */
export function tryLoading(file: string, runner: Runner, folder: string): Trial {
  const trials = [runner.node, ...(runner.renamed ? [runner.renamed] : [])].map((node) =>
    loaded(file, node, runner, folder),
  );
  const failed = trials.find((trial) => trial.failed);
  if (failed) return failed;
  return { failed: false, told: `${trials[0]!.told}${runner.renamed ? ', renamed too' : ''}` };
}

function loaded(file: string, node: readonly string[], { env, told }: Runner, folder: string): Trial {
  // The answer goes to a file: under wine, standard output is no pipe.
  const answer = join(folder, 'loaded.txt');
  rmSync(answer, { force: true });
  const script = `const m = require(${JSON.stringify(resolve(file))});
require('fs').writeFileSync(${JSON.stringify(answer)}, process.version + (m.createSession ? '' : ' finds no functions in it'));`;
  const [command, ...args] = node as [string, ...string[]];
  const { status, stderr } = spawnSync(command, [...args, '-e', script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  let said = stderr.trim().split('\n').slice(-8).join('\n');
  try {
    said = readFileSync(answer, 'utf8');
  } catch {
    return { failed: true, told: `does not load${told}: ${said || `Node ends with code ${status}`}` };
  }
  return /^v[\d.]+$/.test(said)
    ? { failed: false, told: `loads in Node ${said}${told}` }
    : { failed: true, told: `does not load whole${told}: ${said}` };
}
