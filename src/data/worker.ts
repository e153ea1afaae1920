// The worker thread of `WorkerPool`: one batch for each task, its buffers handed over without a copy.
import { parentPort, workerData } from 'node:worker_threads';
import { BatchMaker, type BatchSource } from './batch.js';
import type { Prepared, Task } from './worker-pool.js';

const port = parentPort!;
const maker = new BatchMaker(workerData as BatchSource);

port.on('message', ({ id, epoch, indices }: Task) => {
  const batch = maker.make(epoch, indices);
  const prepared: Prepared = { id, batch };
  port.postMessage(prepared, [batch.images.buffer as ArrayBuffer, batch.labels.buffer as ArrayBuffer]);
});
