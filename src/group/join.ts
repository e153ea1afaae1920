import { inspect } from 'node:util';
import { FlatminError } from '../errors.js';
import { type Communicator, singleGroup } from './communicator.js';
import { type Launcher, oneOfSeveral } from './launchers.js';
import { findMpi, hasMpi, MPI_HINT, placesText } from './libraries.js';
import { isMpiLoaded, MpiGroup } from './mpi.js';

let joined: MpiGroup | undefined;
let endIsTold = false;

/** Who ends this process has said why, and of which rank: it is not said again. */
export function tellNoEnd(): void {
  endIsTold = true;
}

/**
 * Makes this process a rank of the job that mpiexec, mpirun or srun has started; without one of them, or with one process, it is the only one.
 * From then on the end of the process with another exit code than 0 ends the whole job, and with 0 waits for the other ranks' ends.
 * @returns the same group each time
 * @throws FlatminError NOT_FOUND where no MPI library is on the machine, RUNTIME where it does not understand the launcher or cannot be used
 */
export async function joinGroup(): Promise<Communicator> {
  if (joined) return joined;
  const started = oneOfSeveral();
  if (!started) return singleGroup;
  const { launcher, size } = started;
  const group = MpiGroup.join(libraryFor(launcher, size));
  if (group.size !== size) {
    group.leave();
    throw mixed(launcher, size, group.size);
  }
  joined = group;
  let uncaught: unknown;
  process.on('uncaughtExceptionMonitor', (error) => {
    uncaught = error;
  });
  process.on('exit', (code) => end(group, code, uncaught));
  return group;
}

function libraryFor({ abis, name }: Launcher, size: number): string {
  if (!hasMpi())
    throw new FlatminError(
      'RUNTIME',
      `MPI is not used on ${process.platform}, and ${name} started ${size} ranks.`,
    );
  if (process.env.FLATMIN_MPI === undefined && isMpiLoaded()) return '';
  const { found, places } = findMpi(abis);
  const [best] = found;
  if (best) return best.path;
  throw new FlatminError(
    'NOT_FOUND',
    `${name} started ${size} ranks, but no MPI library that it works with is here. Looked in:\n${placesText(places)}\n${MPI_HINT}`,
  );
}

const mixed = (launcher: Launcher, said: number, found: number): FlatminError =>
  new FlatminError(
    'RUNTIME',
    `${launcher.name} started ${said} ranks (${launcher.size}), but the MPI library sees ${found}: launcher and library are of different MPIs. ` +
      `Start with the mpiexec of the library's own MPI, or set FLATMIN_MPI to a library of the launcher's.`,
  );

/** A process that ends alone would leave the others waiting for it. */
function end(group: MpiGroup, code: number, uncaught: unknown): void {
  try {
    if (code === 0) {
      group.leave();
      return;
    }
  } catch {
    // The ranks were talking: they would wait for this one.
  }
  // Node prints an error that nobody caught behind this event, which the process does not outlive.
  const reason = uncaught === undefined ? '' : `${inspect(uncaught)}\n`;
  if (!endIsTold)
    process.stderr.write(
      `${reason}Rank ${group.rank} of ${group.size} ended with exit code ${code || 1}: so does the job.\n`,
    );
  group.abort(code || 1);
}
