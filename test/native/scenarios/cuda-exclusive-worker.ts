import { parentPort } from 'node:worker_threads';
import { addon } from '../../../src/addon/addon.js';
import { buildEmulator } from '../../emulator/emulator.js';
import { bindProduct, diagonal, open, product } from '../models.js';

/** Runs that have the GPU to themselves, without end. */
const n = 256;
const device = addon.openCudaDevice(0, await buildEmulator());
const session = await open(product(n, 100), { exclusiveOn: device });
const { binding } = bindProduct(session, n, diagonal(n, 1));
parentPort!.postMessage(true);
for (;;) await binding.run();
