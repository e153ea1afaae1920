import test, { type ExecutionContext } from 'ava';
import { addon } from '../../../src/addon/addon.js';
import type { DeviceBuffer, NativeCudaDevice } from '../../../src/addon/types.js';
import { buildEmulator, type EmulatorSettings, emulate, whyNoEmulator } from '../../emulator/emulator.js';

const reason = whyNoEmulator();

/** A test on the emulated GPU, with the default settings at its start; one at a time. Says why it is skipped where there is none. */
export function cudaTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (reason) {
    test.skip(`${title}: ${reason}`, body);
    return;
  }
  test.serial(title, async (t) => {
    emulate({});
    await body(t);
  });
}

export async function openDevice(settings: EmulatorSettings = {}, ordinal = 0): Promise<NativeCudaDevice> {
  emulate(settings);
  return addon.openCudaDevice(ordinal, await buildEmulator());
}

export function floats(device: NativeCudaDevice, ...values: number[]): DeviceBuffer {
  const buffer = device.allocate(4 * values.length);
  buffer.write(Float32Array.from(values));
  return buffer;
}
