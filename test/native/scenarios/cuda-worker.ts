import { parentPort } from 'node:worker_threads';
import { addon } from '../../../src/addon/addon.js';
import { buildEmulator } from '../../emulator/emulator.js';

/** Work on a GPU that another thread uses too, left behind when the worker ends. */
const device = addon.openCudaDevice(0, await buildEmulator());
const [source, target] = [device.allocate(1 << 20), device.allocate(1 << 20)];
for (let i = 0; i < 10; i++) device.copy(source, target);
parentPort!.postMessage(device.streamAddress);
