import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { FlatminError } from '../errors.js';
import { addon } from './addon.js';

/** A libonnxruntime to run graphs on. */
export interface Runtime {
  readonly path: string;
  readonly version: string;
  readonly providers: readonly string[];
}

const libraryName = /^(lib)?onnxruntime(\.so\.\d+|\.\d+.*\.dylib|\.dylib|\.dll)$/;

/** The libonnxruntime inside the installed `onnxruntime-node` package. */
function stockLibraryPath(): string {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const bin = join(root, 'bin');
  const abis = existsSync(bin) ? readdirSync(bin) : [];
  for (const abi of abis) {
    const folder = join(bin, abi, process.platform, process.arch);
    const found = existsSync(folder) && readdirSync(folder).find((name) => libraryName.test(name));
    if (found) return join(folder, found);
  }
  throw new FlatminError(
    'RUNTIME',
    `onnxruntime-node at ${root} has no library for ${process.platform} ${process.arch}: install it for this platform, or set FLATMIN_RUNTIME to the path of a libonnxruntime.`,
  );
}

/**
 * Opens an ONNX Runtime library.
 * @param choice 'stock' (the one npm installed) or a path; default: FLATMIN_RUNTIME, else 'stock'
 * @throws FlatminError RUNTIME when it cannot be loaded
 */
export function openRuntime(choice = process.env.FLATMIN_RUNTIME || 'stock'): Runtime {
  const path = choice === 'stock' ? stockLibraryPath() : resolve(choice);
  try {
    return { path, ...addon.describeLibrary(path) };
  } catch (cause) {
    throw new FlatminError('RUNTIME', `Cannot use ${path} as ONNX Runtime: ${(cause as Error).message}.`, {
      cause,
    });
  }
}
