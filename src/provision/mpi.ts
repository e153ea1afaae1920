import { launcherFor } from '../group/launcher-for.js';
import { findMpi, hasMpi, MPI_HINT, placesText } from '../group/libraries.js';
import { describeMpi } from '../group/mpi.js';
import type { MpiReport, Problem } from './diagnosis.js';

/** Which MPI is here. What is in the way of it joins the problems. */
export function describeMpiHere(problems: Problem[]): MpiReport {
  const { found, places } = findMpi();
  const [best] = found;
  const report = { libraries: found, version: null, launcher: null, search: places };
  if (!best) {
    problems.push(
      hasMpi()
        ? { what: `No MPI library was found. Looked in:\n${placesText(places)}`, fix: MPI_HINT }
        : { what: `MPI is not used on ${process.platform}.`, fix: 'train in one process' },
    );
    return report;
  }
  const launcher = launcherFor(best)?.program ?? null;
  try {
    return { ...report, version: describeMpi(best.path).version, launcher };
  } catch (error) {
    problems.push({ what: (error as Error).message, fix: MPI_HINT });
    return { ...report, launcher };
  }
}
