import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { launcherFor } from '../../../src/group/launcher-for.js';
import { findMpi } from '../../../src/group/libraries.js';

const [library] = findMpi().found;
const launcher = library && launcherFor(library);

/** Why no ranks can be started here; undefined where they can. */
export const whyNoRanks: string | undefined = !library
  ? 'no MPI library is here (pip install mpich, or FLATMIN_MPI)'
  : launcher
    ? undefined
    : `no mpiexec is here that belongs to ${library.path}`;

export interface JobResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs node with arguments as the ranks of a job. */
export function startRanks(ranks: number, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { program, args: own, env: needed } = launcher!;
  let child: ReturnType<typeof execFile> | undefined;
  const result = new Promise<JobResult>((resolve) => {
    child = execFile(
      program,
      [...own(ranks), process.execPath, ...args],
      {
        env: { ...process.env, ...needed, FLATMIN_MPI: dirname(library!.path), ...env },
        timeout: 300_000,
      },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
  return { child: child!, result };
}
