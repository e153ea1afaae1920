import { dirname, join } from 'node:path';
import { type Machine, thisMachine } from '../addon/cuda-libraries/places.js';
import type { FoundMpi } from './libraries.js';

/** How ranks are started. */
export interface LauncherProgram {
  readonly program: string;
  /** Before the program of a rank and its arguments. */
  readonly args: (ranks: number) => readonly string[];
  /** What the launcher must be told by variables. */
  readonly env: Readonly<Record<string, string>>;
}

/** The launcher that belongs to a library: the one of its own installation, else that on PATH. */
export function launcherFor(
  { path, abi }: FoundMpi,
  machine: Machine = thisMachine(),
): LauncherProgram | undefined {
  // Of Debian: /usr/lib/x86_64-linux-gnu/libmpich.so.12, /usr/bin/mpiexec.mpich
  const roots = [dirname(dirname(path)), dirname(dirname(dirname(path)))];
  const folders = [...roots.map((root) => join(root, 'bin')), ...(machine.env.PATH?.split(':') ?? [])];
  const names = [...(abi === 'standard' ? [] : [`mpiexec.${abi}`]), 'mpiexec'];
  const program = folders
    .flatMap((folder) => names.map((name) => ({ folder, name })))
    .find(({ folder, name }) => machine.list(folder).includes(name));
  if (!program) return undefined;
  const ofOpenMpi = abi === 'openmpi';
  return {
    program: join(program.folder, program.name),
    args: (ranks) => [
      '-n',
      String(ranks),
      ...(ofOpenMpi ? ['--oversubscribe', '--bind-to', 'none'] : ['-bind-to', 'none']),
    ],
    // Open MPI starts nothing for root otherwise, as in a container.
    env: ofOpenMpi ? { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' } : {},
  };
}
