import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { addon } from '../../../src/addon/addon.js';
import { buildEmulator, emulate } from '../../emulator/emulator.js';
import { bindProduct, diagonal, floatsIn, open, product } from '../models.js';

const n = 256;

async function start(layers: number) {
  const device = addon.openCudaDevice(0, await buildEmulator());
  const session = await open(product(n, layers), { exclusiveOn: device });
  const { binding, output } = bindProduct(session, n, diagonal(n, 5));
  emulate({ capture: 'ended' });
  return { device, binding, output };
}

/** Needs --expose-gc. Whether runs during which buffers and events went out of reach gave what they should. */
export async function collectedDuringRuns(): Promise<boolean> {
  const { device, binding, output } = await start(120);
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 20; i++) {
      device.record();
      device.allocate(64);
      device.allocatePinned(64);
    }
    const running = binding.run();
    for (let turn = 0; turn < 4; turn++) {
      await sleep(4);
      globalThis.gc!();
    }
    await running;
  }
  return floatsIn(output)[0] === 5;
}

/** Ends with runs under way that nobody awaits. */
export async function exitDuringRuns(): Promise<string> {
  for (let k = 0; k < 3; k++) void (await start(300)).binding.run();
  setTimeout(() => process.exit(0), 30);
  return 'left';
}

/** Whether the GPU still does its work when workers were terminated during their runs. */
export async function workersTerminated(): Promise<boolean> {
  const { binding, output } = await start(20);
  for (const delay of [0, 5, 30]) {
    const workers = [1, 2].map(() => new Worker(new URL('./cuda-exclusive-worker.js', import.meta.url)));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await sleep(delay);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  await binding.run();
  return floatsIn(output)[0] === 5;
}
