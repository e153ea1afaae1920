// The worker thread of `WorkerPool`: one batch for each task, its buffers handed over without a copy.
import { parentPort, workerData } from 'node:worker_threads';
import { FlatminError } from '../../errors.js';
import { makerOf } from '../makers.js';
import type { BatchRecipe } from '../source.js';
import type { Answer, Task } from './worker-pool.js';

const port = parentPort!;
const maker = await makerOf(workerData as BatchRecipe);
const answer = (sent: Answer, buffers: ArrayBuffer[] = []) => port.postMessage(sent, buffers);

port.on('message', async ({ id, epoch, indices, keys }: Task) => {
  try {
    const batch = await maker.make(epoch, indices, keys);
    answer(
      { id, batch },
      Object.values(batch).map(({ buffer }) => buffer as ArrayBuffer),
    );
  } catch (error) {
    // What is wrong with the data is told as it is; anything else ends the thread.
    if (!(error instanceof FlatminError)) throw error;
    answer({ id, refusal: { code: error.code, message: error.message } });
  }
});
