import { posix, win32 } from 'node:path';
import { FlatminError } from '../../errors.js';
import { addon } from '../addon.js';
import type { CudaLibraries } from '../types.js';
import { COMPILER, CUDA_LIBRARIES, type CudaLibrary, DRIVER } from './needed.js';
import { type Machine, type Place, searchPlaces, thisMachine } from './places.js';

export interface FoundLibrary {
  readonly library: CudaLibrary;
  readonly path: string;
  /** The place's origin. */
  readonly origin: string;
}

export interface MissingLibrary {
  readonly library: CudaLibrary;
  readonly file: string;
  /** Where the library is but this part of it is not. */
  readonly beside?: string;
}

export interface CudaSearch {
  /** In loading order. */
  readonly found: readonly FoundLibrary[];
  readonly missing: readonly MissingLibrary[];
  /** Everything looked at, in that order. */
  readonly places: readonly Place[];
}

/**
 * Looks for the CUDA libraries in FLATMIN_CUDA_LIBRARIES (folders, also those that hold NAME/lib), CUDA_HOME and CUDA_PATH, where the
 * dynamic loader looks, in Python's nvidia-* packages and in the usual folders of toolkits. Loads nothing.
 * @throws FlatminError RUNTIME on a platform without CUDA
 */
export function findCudaLibraries(machine: Machine = thisMachine()): CudaSearch {
  const { platform } = machine;
  if (platform !== 'linux' && platform !== 'win32')
    throw new FlatminError('RUNTIME', `CUDA does not exist on ${platform}: take --device cpu.`);
  const { join } = platform === 'win32' ? win32 : posix;
  const needed = CUDA_LIBRARIES.filter(({ file }) => file[platform]);
  const found = new Map<CudaLibrary, FoundLibrary>();
  const incomplete = new Map<CudaLibrary, MissingLibrary>();
  const places: Place[] = [];
  for (const place of searchPlaces(machine)) {
    places.push(place);
    for (const folder of place.folders) {
      const names = machine.list(folder);
      for (const library of needed) {
        const file = library.file[platform]!;
        if (found.has(library) || !names.includes(file)) continue;
        const parts = library.companions?.[platform] ?? [];
        const lacking = parts.find((part) => !names.some((name) => name.startsWith(part)));
        if (lacking === undefined)
          found.set(library, { library, path: join(folder, file), origin: place.origin });
        else incomplete.set(library, { library, file: lacking, beside: join(folder, file) });
      }
    }
    if (found.size === needed.length) break;
  }
  const absent = needed.filter((library) => !found.has(library));
  return {
    found: needed.map((library) => found.get(library)).filter((each) => each !== undefined),
    missing: absent.map((library) => incomplete.get(library) ?? { library, file: library.file[platform]! }),
    places,
  };
}

/**
 * Loads what a search found, in an order in which each finds the ones before it.
 * @throws FlatminError NOT_FOUND that names every library that is missing and where it was looked for, RUNTIME for one that cannot be loaded
 */
export function preload(
  { found, missing, places }: CudaSearch,
  load = (path: string) => addon.loadLibrary(path),
): void {
  const driver = missing.find(({ library }) => library === DRIVER);
  if (driver) throw noDriver(driver, places);
  if (missing.length > 0) throw librariesMissing(missing, places);
  for (const { library, path, origin } of found) {
    try {
      load(path);
    } catch (cause) {
      throw notLoadable({ library, path, origin }, cause as Error);
    }
  }
}

function notLoadable({ library, path, origin }: FoundLibrary, cause: Error): FlatminError {
  const reason = cause.message.replace(`cannot load ${path}: `, '');
  return new FlatminError(
    'RUNTIME',
    `${library.name} (${library.purpose}) at ${path}, found through ${origin}, cannot be loaded: ${reason}. ` +
      'It may be of another processor or release, or damaged: install it again, or name a folder with another one in FLATMIN_CUDA_LIBRARIES.',
    { cause },
  );
}

let loaded: CudaLibraries | undefined;

/**
 * Finds the CUDA libraries and loads them into the process, once, so that ONNX Runtime's CUDA provider finds them loaded.
 * @returns the paths of those that the addon calls itself
 * @throws FlatminError what findCudaLibraries and preload throw
 */
export function loadCudaLibraries(): CudaLibraries {
  if (!loaded) {
    const search = findCudaLibraries();
    preload(search);
    const pathOf = (library: CudaLibrary) => search.found.find((each) => each.library === library)!.path;
    loaded = { driver: pathOf(DRIVER), compiler: pathOf(COMPILER) };
  }
  return loaded;
}

/** How to get the driver. */
export const DRIVER_HINT =
  'Install the driver of the GPU (580 or newer for CUDA 13); a container needs to be started with its GPUs, as docker run --gpus all.';

function noDriver({ file }: MissingLibrary, places: readonly Place[]): FlatminError {
  return new FlatminError(
    'NOT_FOUND',
    `No NVIDIA driver: ${file} was not found. Looked in:\n${placesText(places)}\n` +
      `${DRIVER_HINT} Without a GPU: --device cpu.`,
  );
}

function librariesMissing(missing: readonly MissingLibrary[], places: readonly Place[]): FlatminError {
  const lines = missing.map(({ library, file, beside }) => {
    const where = beside ? `, which belongs beside ${beside}` : '';
    return `  ${file}: ${library.name}, ${library.purpose}${where} (Python package ${library.pipPackage})`;
  });
  return new FlatminError(
    'NOT_FOUND',
    `CUDA libraries are missing:\n${lines.join('\n')}\nLooked in:\n${placesText(places)}\n${installHint(missing)}`,
  );
}

/** How to get missing libraries other than the driver. */
export function installHint(missing: readonly MissingLibrary[]): string {
  const packages = [...new Set(missing.map(({ library }) => library.pipPackage))].filter(Boolean).join(' ');
  return `Install them into the Python on PATH: pip install ${packages}. Or set CUDA_HOME to a CUDA 13 toolkit, or FLATMIN_CUDA_LIBRARIES to the folders that hold them.`;
}

const placesText = (places: readonly Place[]): string =>
  places
    .map(({ origin, folders, note }) => `  ${origin}: ${folders.join(', ') || (note ?? 'none')}`)
    .join('\n');
