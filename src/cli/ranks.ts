import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { FlatminError, invalid } from '../errors.js';
import type { Communicator } from '../group/communicator.js';
import { joinGroup } from '../group/join.js';
import { launcherFor } from '../group/launcher-for.js';
import { launcherOf, oneOfSeveral } from '../group/launchers.js';
import { findMpi, MPI_HINT, placesText } from '../group/libraries.js';
import { option } from '../options/option.js';
import { count } from '../options/values.js';
import { goesOwnWay } from './told-once.js';

export const ranksOption = option(count.optional(), {
  symbol: 'n',
  help: 'processes that share the work over MPI, started here; without it those of mpiexec or srun',
});

/** Commands whose work the ranks of a job share. */
const SHARING = ['train', 'evaluate', 'sharpness', 'landscape'];
/** Each rank takes jobs that nobody holds, or tells of the machine that it is on. */
const OTHERS: readonly string[] = ['experiment', 'doctor'];

/** @throws FlatminError INVALID_ARGUMENT where a launcher has started several processes of a command each of which would do all of it */
export function refuseRanks(command: Command): void {
  const started = oneOfSeveral();
  const name = nameOf(command);
  if (!started || [...SHARING, ...OTHERS].some((each) => name === each)) return;
  const { launcher, size } = started;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `${launcher.name} started ${size} processes (${launcher.size}), each of which would do all of "flatmin ${name}" and write over the others: start it in one process. ` +
      `Shared over processes are ${SHARING.join(', ')}, and the jobs of an experiment.`,
  );
}

/** With those that it is a command of, but for the program. */
const nameOf = (command: Command): string =>
  command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();

/**
 * The ranks that this process is one of.
 * @returns undefined where it has started them and they have ended: then the exit code is theirs
 * @throws FlatminError NOT_FOUND where there is no MPI to start them with
 */
export async function ranksOf(asked: number | undefined): Promise<Communicator | undefined> {
  const started = launcherOf(process.env);
  if (asked === undefined || asked === 1 || started) {
    if (started && asked !== undefined && started.size !== asked)
      throw invalid('ranks', `${started.size}, as many as ${started.launcher.name} started`, asked);
    goesOwnWay();
    return joinGroup();
  }
  process.exitCode = await startRanks(asked);
  return undefined;
}

/** Runs this command line as the ranks of a job. */
async function startRanks(ranks: number): Promise<number> {
  const { found, places } = findMpi();
  const [library] = found;
  if (!library)
    throw new FlatminError(
      'NOT_FOUND',
      `No MPI library is here. Looked in:\n${placesText(places)}\n${MPI_HINT}`,
    );
  const launcher = launcherFor(library);
  if (!launcher)
    throw new FlatminError('NOT_FOUND', `No mpiexec is here that belongs to ${library.path}. ${MPI_HINT}`);
  const args = [...launcher.args(ranks), process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(launcher.program, args, {
    stdio: 'inherit',
    env: { ...process.env, ...launcher.env, FLATMIN_MPI: process.env.FLATMIN_MPI ?? library.path },
  });
  // The launcher passes them on; this process waits for it.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
    });
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}
