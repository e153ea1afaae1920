import test, { type ExecutionContext } from 'ava';
import { addon } from '../../src/addon/addon.js';
import type { NativeCudaDevice } from '../../src/addon/types.js';
import { CudaDevice } from '../../src/vectors/device/cuda/cuda-device.js';
import { buildEmulator, whyNoEmulator } from './emulator.js';

export interface EmulatedGpu {
  readonly device: CudaDevice;
  readonly native: NativeCudaDevice;
}

let opened: EmulatedGpu | undefined;

/** A GPU that runs on the CPU, one for a process. */
export async function emulatedGpu(): Promise<EmulatedGpu> {
  if (!opened) {
    const native = addon.openCudaDevice(0, await buildEmulator());
    opened = { native, device: new CudaDevice(native, 0, { threads: 2 }) };
  }
  return opened;
}

const reason = whyNoEmulator();
if (reason !== undefined) console.log(`Tests of the emulated GPU are skipped: ${reason}.`);

/** A test on the emulated GPU; where there is none it is skipped. Kernels that fail name themselves in the error. */
export function emulatedTest(
  title: string,
  body: (t: ExecutionContext, gpu: EmulatedGpu) => Promise<void>,
): void {
  if (reason === undefined) test.serial(title, async (t) => body(t as ExecutionContext, await emulatedGpu()));
  else test.skip(title, () => {});
}
