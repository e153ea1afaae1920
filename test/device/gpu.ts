import test, { type ExecutionContext, type Implementation } from 'ava';
import { openRuntime, type Runtime } from '../../src/ort/library.js';
import type { Device } from '../../src/vectors/device/device.js';
import { openDevice } from '../../src/vectors/device/open.js';

export interface Gpu {
  readonly device: Device;
  readonly runtime: Runtime;
}

let found: Gpu | string | undefined;

/** The first GPU and a runtime for it, or why there is none. */
function findGpu(): Gpu | string {
  try {
    const device = openDevice('cuda', {});
    return { device, runtime: openRuntime(undefined, device.name) };
  } catch (error) {
    return (error as Error).message;
  }
}

/** A test on the first GPU; without one it is skipped, and says why. Tests share the GPU, so they run one after the other. */
export function gpuTest(title: string, body: (t: ExecutionContext, gpu: Gpu) => Promise<void>): void {
  found ??= findGpu();
  if (typeof found === 'string') {
    if (!skipped) console.log(`Skipped without a GPU: ${found.split(/ Looked in|\n/)[0]}`);
    skipped = true;
    test.skip(title, () => {});
    return;
  }
  const gpu = found;
  const run: Implementation<[]> = (t) => body(t as ExecutionContext, gpu);
  test.serial(title, run);
}

let skipped = false;
