import { Worker } from 'node:worker_threads';
import { FlatminError } from '../../errors.js';
import type { Batch, BatchRecipe } from '../source.js';

/** Main thread to worker. */
export interface Task {
  readonly id: number;
  readonly epoch: number;
  readonly indices: Int32Array;
  /** As `Maker.make` has them. */
  readonly keys?: Float64Array | undefined;
}

/** Worker to main thread: a batch, or why there is none. */
export type Answer =
  | { readonly id: number; readonly batch: Batch }
  | { readonly id: number; readonly refusal: Pick<FlatminError, 'code' | 'message'> };

interface Waiting {
  resolve(batch: Batch): void;
  reject(error: Error): void;
}

interface Member {
  readonly worker: Worker;
  /** Tasks sent and not yet answered, by id. The thread keeps the process alive only while there are some. */
  readonly waiting: Map<number, Waiting>;
}

/** Threads that prepare batches. A thread that fails rejects what it was given and whatever is asked of the pool afterwards. */
export class WorkerPool {
  private readonly members: readonly Member[];
  private failure: Error | undefined;
  private tasks = 0;

  constructor(recipe: BatchRecipe, size: number) {
    this.members = Array.from({ length: size }, () => this.start(recipe));
  }

  /** Queues a batch with the least busy thread. */
  prepare(epoch: number, indices: Int32Array, keys?: Float64Array): Promise<Batch> {
    if (this.failure) return Promise.reject(this.failure);
    const { worker, waiting } = this.members.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
    return new Promise((resolve, reject) => {
      const task: Task = { id: this.tasks++, epoch, indices, keys };
      waiting.set(task.id, { resolve, reject });
      worker.ref();
      worker.postMessage(task);
    });
  }

  /** Ends the threads; batches still awaited are rejected with INTERRUPTED. */
  async close(): Promise<void> {
    this.fail(new FlatminError('INTERRUPTED', 'The data loader was closed while a batch was awaited.'));
    await Promise.all(this.members.map(({ worker }) => worker.terminate()));
  }

  private start(recipe: BatchRecipe): Member {
    // Flags of the process such as --input-type do not suit a worker that is a file.
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: recipe, execArgv: [] });
    const waiting = new Map<number, Waiting>();
    worker.on('message', (answer: Answer) => {
      const asked = waiting.get(answer.id);
      // What comes after `close` must not release the thread whose end is awaited.
      if (!asked) return;
      waiting.delete(answer.id);
      if (waiting.size === 0) worker.unref();
      if ('batch' in answer) asked.resolve(answer.batch);
      else asked.reject(new FlatminError(answer.refusal.code, answer.refusal.message));
    });
    worker.on('error', (cause) => this.fail(workerError(cause)));
    worker.on('exit', (code) => this.fail(workerError(new Error(`it ended with code ${code}`))));
    worker.unref();
    return { worker, waiting };
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { worker, waiting } of this.members) {
      // One that waits for nothing may be ending, and whoever awaits that needs it referenced.
      if (waiting.size > 0) worker.unref();
      for (const { reject } of waiting.values()) reject(this.failure);
      waiting.clear();
    }
  }
}

function workerError(cause: unknown): FlatminError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FlatminError('RUNTIME', `A worker thread that prepares batches failed: ${reason}`, { cause });
}
