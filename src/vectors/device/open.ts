import { availableParallelism } from 'node:os';
import { addon } from '../../addon/addon.js';
import { loadCudaLibraries } from '../../addon/cuda-libraries/load.js';
import type { CudaLibraries } from '../../addon/types.js';
import { FlatminError } from '../../errors.js';
import { checked, checkedValue, type Given, option } from '../../options/option.js';
import { device, flag, integerWithin } from '../../options/values.js';
import { CpuDevice } from './cpu.js';
import { CudaDevice } from './cuda/cuda-device.js';
import type { Device } from './device.js';

/** What no machine has. */
const MOST_THREADS = 1024;

export const deviceOption = option(device, {
  symbol: 'name',
  help: 'cpu, cuda or cuda:<i>',
  default: 'cpu',
});

export const deviceOptions = {
  /** Of work on the CPU, at most 1024; default: all cores. */
  threads: option(integerWithin(1, MOST_THREADS).optional(), {
    symbol: 'n',
    help: 'threads of the kernels',
    byDefault: 'all cores',
  }),
  /** Of a GPU: whether products of float32 may be computed from operands with 10 bits of mantissa. Default false. */
  tf32: option(flag, { help: 'products of float32 from operands with 10 bits of mantissa', default: false }),
  /** Of a GPU: whether runs may be captured as CUDA graphs. Default false. */
  cudaGraphs: option(flag, {
    help: 'capture each training graph once and play it again (not yet tried on a card)',
    default: false,
  }),
};

/** Options of `openDevice`. */
export interface DeviceOptions extends Given<typeof deviceOptions> {}

/**
 * Opens a device: where models are trained.
 * @param name 'cpu', 'cuda' (the first GPU) or 'cuda:<ordinal>'
 * @param libraries finds the CUDA libraries and loads them; only asked for a GPU
 * @throws FlatminError INVALID_ARGUMENT on another name or a bad number of threads, NOT_FOUND where CUDA libraries are missing, RUNTIME
 * where the GPU cannot be opened
 */
export function openDevice(
  name: string,
  options: DeviceOptions = {},
  libraries: () => CudaLibraries = loadCudaLibraries,
): Device {
  const { threads = availableParallelism(), ...others } = checked(deviceOptions, options);
  if (checkedValue('device', deviceOption, name) === 'cpu') return new CpuDevice(threads);
  const [, ordinal = 0] = name.split(':').map(Number);
  const loaded = libraries();
  try {
    const native = addon.openCudaDevice(ordinal, loaded);
    return new CudaDevice(native, ordinal, { ...others, threads });
  } catch (cause) {
    if (cause instanceof FlatminError) throw cause;
    throw new FlatminError(
      'RUNTIME',
      `The GPU cuda:${ordinal} cannot be used: ${(cause as Error).message}. Without a GPU: --device cpu.`,
      { cause },
    );
  }
}
