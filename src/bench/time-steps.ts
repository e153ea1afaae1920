import type { Batch } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { Feeds } from '../session/feed/feeds.js';
import type { TrainingSession } from '../session/session.js';
import type { Spans } from './trace/spans.js';

export interface StepWork<B = Batch> {
  readonly session: TrainingSession;
  readonly optimizer: Optimizer;
  /** Begun anew where it ends. */
  readonly loader: AsyncIterable<B>;
  readonly binding: { feeds(batch: B): Feeds };
  /** Takes what happens when. */
  readonly spans?: Spans | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Seconds of one step. */
export interface StepTime {
  /** From the end of the step before to its own. */
  readonly total: number;
  /** Waiting for its batch. */
  readonly data: number;
  /** In gradients; on a GPU, queueing them. */
  readonly gradient: number;
  /** Queueing all of it; on the CPU, doing it. */
  readonly host: number;
  /** Of the processor, over all threads of the process, in `total`. */
  readonly cpu: number;
  readonly loss: number;
}

/**
 * Runs training steps one behind the other, as training does: on a GPU the next is queued while those before run, as many as the device
 * lets wait.
 * @param count steps in all
 * @throws FlatminError INTERRUPTED after the step under way, on `signal`
 */
export async function timeSteps<B = Batch>(work: StepWork<B>, count: number): Promise<StepTime[]> {
  const { session, optimizer, loader, binding, spans, signal } = work;
  const { latency } = session.device;
  const waiting: Promise<unknown>[] = [];
  const times: Promise<StepTime>[] = [];
  let ended = Promise.resolve(clocks());
  while (times.length < count) {
    let asked = performance.now();
    for await (const batch of loader) {
      const ready = performance.now();
      const gradientBefore = session.gradientSeconds;
      while (waiting.length > latency) await waiting.shift();
      const queueing = performance.now();
      const { result } = await session.enqueue(binding.feeds(batch), optimizer);
      const queued = performance.now();
      const before = ended;
      ended = result.then(clocks);
      const [end, index] = [ended, times.length];
      const gradient = session.gradientSeconds - gradientBefore;
      spans?.add('waiting for data', 'data', asked, ready);
      const time = async (): Promise<StepTime> => {
        const [start, now, { loss }] = [await before, await end, await result];
        spans?.add(`step ${index + 1}`, 'step', start.wall, now.wall);
        return {
          total: (now.wall - start.wall) / 1000,
          cpu: (now.cpu - start.cpu) / 1000,
          data: (ready - asked) / 1000,
          gradient,
          host: (queued - queueing) / 1000,
          loss,
        };
      };
      const timed = time();
      // Whoever waits for it hears of its failure; those behind it fail with it.
      timed.catch(() => {});
      times.push(timed);
      waiting.push(timed);
      if (latency === 0) await waiting.shift();
      if (times.length === count) break;
      if (signal?.aborted) {
        await timed;
        throw new FlatminError('INTERRUPTED', 'Stopped.');
      }
      asked = performance.now();
    }
  }
  return Promise.all(times);
}

/** Milliseconds, of performance.now() and of the processor. */
function clocks(): { wall: number; cpu: number } {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
}
