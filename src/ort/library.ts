import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { addon } from '../addon/addon.js';
import { FlatminError } from '../errors.js';
import { checkedValue, option } from '../options/option.js';
import { installedRuntimes, installedTraining, runtimesFolder } from './installed.js';
import { libraryIn, providersAt } from './library-name.js';

/** A libonnxruntime to run graphs on. */
export interface Runtime {
  /** Of the shared library. */
  readonly path: string;
  /** As the library tells it: '1.30.0'. */
  readonly version: string;
  /** Execution providers that it can load, as "CPUExecutionProvider". */
  readonly providers: readonly string[];
  /** 'stock': of onnxruntime-node; 'training': a training build that flatmin installed; 'other': given as a path. */
  readonly kind: 'stock' | 'training' | 'other';
}

/** The CUDA provider as options of a session name it. */
export const CUDA_PROVIDER = 'CUDA';

export const hasCuda = ({ providers }: Pick<Runtime, 'providers'>): boolean =>
  providers.includes('CUDAExecutionProvider');

const stockPackage = (): string =>
  dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));

/** The libonnxruntime inside the installed `onnxruntime-node` package. @throws FlatminError RUNTIME where that has none */
export function stockLibraryPath(): string {
  const root = stockPackage();
  const bin = join(root, 'bin');
  for (const abi of existsSync(bin) ? readdirSync(bin) : []) {
    const folder = join(bin, abi, process.platform, process.arch);
    const found = existsSync(folder) && libraryIn(folder);
    if (found) return join(folder, found);
  }
  throw new FlatminError(
    'RUNTIME',
    `onnxruntime-node at ${root} has no library for ${process.platform} ${process.arch}: install it for this platform, or set FLATMIN_RUNTIME to the path of a libonnxruntime.`,
  );
}

const isCuda = (device: string): boolean => /^cuda(:\d+)?$/.test(device);

/** What `openRuntime` takes. */
export const runtimeOption = option(z.string().min(1, "'stock', 'training' or a path"), {
  symbol: 'choice',
  help: 'stock, training (see flatmin runtime), or the path of a libonnxruntime',
  byDefault: 'FLATMIN_RUNTIME, else training where it is installed',
});

/**
 * Opens an ONNX Runtime library.
 * @param choice 'stock' (the one npm installed), 'training' (the one `flatmin runtime install` installed), or the path of a library or of
 * its folder; default: FLATMIN_RUNTIME, else 'training' where it is installed (on CUDA: always), else 'stock'
 * @param device that it is for: 'cpu' or 'cuda[:ordinal]'; 'training' takes the -gpu build for CUDA, and for the CPU where no other is installed
 * @throws FlatminError RUNTIME when it cannot be loaded or does not know the device, NOT_FOUND when it is not installed
 */
export function openRuntime(choice = process.env.FLATMIN_RUNTIME || undefined, device = 'cpu'): Runtime {
  const onCuda = isCuda(device);
  const path = pathOf(choice, onCuda);
  const runtime = describe(path);
  if (onCuda && !hasCuda(runtime))
    throw new FlatminError(
      'RUNTIME',
      `${path} (ONNX Runtime ${runtime.version}) has no CUDA provider, which --device ${device} needs. Take the training build with CUDA: flatmin runtime install --gpu, then --runtime training.`,
    );
  return runtime;
}

function pathOf(choice: string | undefined, onCuda: boolean): string {
  if (choice === 'stock') return stockLibraryPath();
  if (choice === undefined || choice === 'training') {
    const installed = installedTraining(onCuda);
    if (installed) return installed.path;
    if (choice === undefined && !onCuda) return stockLibraryPath();
    throw new FlatminError(
      'NOT_FOUND',
      `The training build of ONNX Runtime${onCuda ? ' with CUDA' : ''} is not installed in ${runtimesFolder()}. Install it: flatmin runtime install${onCuda ? ' --gpu' : ''}`,
    );
  }
  const path = resolve(checkedValue('runtime', runtimeOption, choice));
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found)
    throw new FlatminError(
      'NOT_FOUND',
      `Expected runtime to be 'stock', 'training' or the path of a libonnxruntime, but received ${JSON.stringify(choice)}, and there is no file ${path}.`,
    );
  if (!found.isDirectory()) return path;
  const library = libraryIn(path);
  if (library) return join(path, library);
  throw new FlatminError('NOT_FOUND', `There is no libonnxruntime in the folder ${path}.`);
}

function describe(path: string): Runtime {
  const kind = kindOf(path);
  try {
    const { version, providers } = addon.describeLibrary(path);
    return { path, version, providers: providersAt(path, providers), kind };
  } catch (cause) {
    throw new FlatminError('RUNTIME', `Cannot use ${path} as ONNX Runtime: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

function kindOf(path: string): Runtime['kind'] {
  if (installedRuntimes().some((installed) => installed.path === path)) return 'training';
  return path.startsWith(stockPackage()) ? 'stock' : 'other';
}
