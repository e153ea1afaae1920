import { FlatminError } from '../errors.js';

/** What decides which addon can be loaded here, and how that is done. */
export interface AddonMachine {
  /** As process.platform and process.arch. */
  readonly platform: string;
  readonly arch: string;
  /** The version of glibc that Node runs on; undefined where it is another C library, or none is asked for. */
  readonly glibc: () => string | undefined;
  /** An absolute path of a path in the package. */
  readonly packageFile: (path: string) => string;
  readonly exists: (path: string) => boolean;
  /** The names in a folder, none where it is not there. */
  readonly list: (path: string) => readonly string[];
  /** Loads a file as Node does. */
  readonly require: (path: string) => unknown;
}

/** Where node-gyp puts the addon, in the package. */
export const LOCAL_BUILD = 'build/Release/flatmin.node';
/** The folder of a prebuilt addon for each platform, in the package. */
export const PREBUILDS = 'prebuilds';
export const prebuilt = (platform: string): string => `${PREBUILDS}/${platform}/flatmin.node`;

/**
 * Loads the first that is there of the addon that was built here and the one that the package brings for this platform.
 * @throws FlatminError RUNTIME that names where it was looked for, why that did not do, and the command that mends it
 */
export function loadAddon(machine: AddonMachine): unknown {
  const platform = `${machine.platform}-${machine.arch}`;
  const places = [LOCAL_BUILD, prebuilt(platform)].map(machine.packageFile);
  const file = places.find(machine.exists);
  const looked = `Looked for, in this order:\n${places
    .map(
      (place) =>
        `  ${place}: ${place === file ? 'cannot be loaded' : machine.exists(place) ? 'not tried' : 'not there'}`,
    )
    .join('\n')}`;
  if (file === undefined) throw failure(absent(machine, platform), looked);
  try {
    return machine.require(file);
  } catch (cause) {
    const why = file === places[0] ? localFailure(cause as Error) : prebuiltFailure(machine, cause as Error);
    throw failure(why, looked, cause);
  }
}

interface Reason {
  /** A sentence. */
  readonly why: string;
  /** How to mend it, with its command. */
  readonly mend: string;
}

function failure({ why, mend }: Reason, looked: string, cause?: unknown): FlatminError {
  return new FlatminError('RUNTIME', `The native addon cannot be loaded: ${why}\n${looked}\n${mend}`, {
    cause,
  });
}

/** Builds the addon where the package lies; its only dependency is one of headers. */
const sourceBuild = (machine: AddonMachine): string =>
  `npm install --no-save node-addon-api && npx node-gyp rebuild --directory "${machine.packageFile('native')}"`;
const compiler = 'that needs a C++20 compiler, make and Python 3';
const REINSTALL = 'npm install flatmin --force';

function absent(machine: AddonMachine, platform: string): Reason {
  const brought = machine.list(machine.packageFile(PREBUILDS));
  if (brought.length === 0)
    return {
      why: 'it has not been built, and this copy of the package brings none.',
      mend: `In a clone, build it: npm run build:native (${compiler}). Elsewhere, install the package again: ${REINSTALL}`,
    };
  return {
    why: `the package brings none for ${platform}, only for ${[...brought].sort().join(', ')}.`,
    mend: `Build it: ${sourceBuild(machine)} (${compiler}). It also needs a libonnxruntime for ${platform}, named by FLATMIN_RUNTIME.`,
  };
}

function localFailure(cause: Error): Reason {
  return {
    why: `the one that was built here does not load: ${cause.message}`,
    mend: `Build it again: npm run build:native (${compiler}).`,
  };
}

function prebuiltFailure(machine: AddonMachine, cause: Error): Reason {
  const wanted = /GLIBC_([\d.]+)' not found/.exec(cause.message)?.[1];
  const glibc = machine.platform === 'linux' ? machine.glibc() : undefined;
  if (machine.platform === 'linux' && glibc === undefined)
    return {
      why: `this Node runs on musl, and the addon needs glibc, as ONNX Runtime's own builds do (${cause.message}).`,
      mend: 'Take an image or distribution with glibc: docker run -it node:24-slim in place of node:24-alpine.',
    };
  if (wanted !== undefined)
    return {
      why: `it needs glibc ${wanted}, and this system has ${glibc} (${cause.message}).`,
      mend: `Take a newer distribution, or build it: ${sourceBuild(machine)} (${compiler}).`,
    };
  return {
    why: `the prebuilt one is damaged, or of another processor: ${cause.message}`,
    mend: `Install the package again: ${REINSTALL}`,
  };
}
