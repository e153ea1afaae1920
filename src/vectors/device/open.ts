import { availableParallelism } from 'node:os';
import { addon } from '../../addon/addon.js';
import { loadCudaLibraries } from '../../addon/cuda-libraries/load.js';
import type { CudaLibraries } from '../../addon/types.js';
import { FlatminError, invalid } from '../../errors.js';
import { CpuDevice } from './cpu.js';
import { CudaDevice } from './cuda/cuda-device.js';
import type { Device } from './device.js';

/** Options of `openDevice`. */
export interface DeviceOptions {
  /** Of work on the CPU; default: all cores. */
  threads?: number | undefined;
  /** Of a GPU: whether products of float32 may be computed from operands with 10 bits of mantissa. Default false. */
  tf32?: boolean | undefined;
  /** Of a GPU: whether runs may be captured as CUDA graphs. Default false. */
  cudaGraphs?: boolean | undefined;
}

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
  const { threads = availableParallelism() } = options;
  if (!Number.isInteger(threads) || threads < 1) throw invalid('threads', 'a positive integer', threads);
  if (name === 'cpu') return new CpuDevice(threads);
  const [, ordinal = '0'] = /^cuda(?::(\d{1,3}))?$/.exec(name) ?? [undefined, ''];
  if (ordinal === '')
    throw invalid('device', "'cpu', 'cuda' or 'cuda:<ordinal>' with the number of a GPU, as 'cuda:0'", name);
  const loaded = libraries();
  try {
    const native = addon.openCudaDevice(Number(ordinal), loaded);
    return new CudaDevice(native, Number(ordinal), { ...options, threads });
  } catch (cause) {
    if (cause instanceof FlatminError) throw cause;
    throw new FlatminError(
      'RUNTIME',
      `The GPU cuda:${ordinal} cannot be used: ${(cause as Error).message}. Without a GPU: --device cpu.`,
      { cause },
    );
  }
}
