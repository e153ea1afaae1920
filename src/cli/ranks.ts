import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { FlatminError, invalid } from '../errors.js';
import type { Communicator } from '../group/communicator.js';
import { joinGroup } from '../group/join.js';
import { launcherFor } from '../group/launcher-for.js';
import { launcherOf } from '../group/launchers.js';
import { findMpi, MPI_HINT, placesText } from '../group/libraries.js';
import { option } from '../options/option.js';
import { count } from '../options/values.js';

export const ranksOption = option(count.optional(), {
  symbol: 'n',
  help: 'processes that train together over MPI, started here; without it those of mpiexec or srun',
});

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
