import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { type CliResult, startCli } from '../../test/e2e/run-cli.js';
import { hasRun } from './outcome.js';
import type { Torture } from './preload.js';
import { asArguments, EXECUTION, type Run } from './runs.js';
import { RUN } from './subject.js';

const PRELOAD = new URL('./preload.js', import.meta.url).href;

/** Begins or goes on with the run under `root` in a process of its own. */
export function startRun(
  { settings }: Run,
  root: string,
  torture: Omit<Torture, 'root'> = {},
): { child: ChildProcess; result: Promise<CliResult> } {
  const out = join(root, RUN);
  const args = hasRun(out)
    ? ['--resume', ...asArguments({ workers: EXECUTION.workers })]
    : asArguments({ ...settings, ...EXECUTION });
  return startTortured(['train', ...args, '--quiet', '--out', out], { root, ...torture });
}

/** `flatmin` with arguments. */
export const startTortured = (
  args: readonly string[],
  torture: Torture,
): { child: ChildProcess; result: Promise<CliResult> } =>
  startCli(args, { NODE_OPTIONS: `--import ${PRELOAD}`, FLATMIN_TORTURE: JSON.stringify(torture) });
