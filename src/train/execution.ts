import { FlatminError, invalid } from '../errors.js';
import type { Device } from '../runtime/device/device.js';
import { openDevice } from '../runtime/device/open.js';
import { openRuntime, type Runtime } from '../runtime/library.js';
import type { Precision } from './precision.js';

/** What work is done on. */
export interface OpenedExecution {
  readonly device: Device;
  readonly runtime: Runtime;
}

/**
 * The device and the runtime that were asked for.
 * @throws FlatminError INVALID_ARGUMENT for a device that there is not, or a precision or CUDA graphs that it has not; RUNTIME where a
 * library is missing
 */
export function openExecution(
  {
    device: name = 'cpu',
    threads,
    runtime,
    cudaGraphs = false,
  }: {
    device?: string | undefined;
    threads?: number | undefined;
    runtime?: Runtime | undefined;
    cudaGraphs?: boolean | undefined;
  },
  precision: Precision = 'fp32',
): OpenedExecution {
  const device = openDevice(name, { threads, tf32: precision === 'tf32', cudaGraphs });
  if (precision === 'tf32' && device.name === 'cpu')
    throw invalid('precision', 'fp32, fp16 or bf16 on the CPU (tf32 is of NVIDIA GPUs)', precision);
  if (cudaGraphs && device.name === 'cpu')
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'cudaGraphs needs a CUDA device, and this is the CPU: give --device cuda, or leave --cuda-graphs out.',
    );
  return { device, runtime: runtime ?? openRuntime(undefined, device.name) };
}
