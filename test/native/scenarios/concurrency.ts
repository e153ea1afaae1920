import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { addition, bindProduct, floatsIn, open, product } from '../models.js';
import { train } from '../training.js';

const n = 256;

/** Milliseconds of a run, and how often a timer of 1 ms fired meanwhile. */
export async function timerDuringRun(): Promise<{ milliseconds: number; ticks: number }> {
  const size = 512;
  const session = await open(product(size, 200));
  const { binding } = bindProduct(session, size, new Float32Array(size * size).fill(1));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const start = performance.now();
  await binding.run();
  const milliseconds = performance.now() - start;
  clearInterval(timer);
  return { milliseconds, ticks };
}

/** Whether runs that overlap, of two sessions and of several bindings of one, gave what each was asked for. */
export async function overlappingRuns(): Promise<boolean[]> {
  const sessions = [await open(product(n, 30)), await open(product(n, 30), { intraOpThreads: 2 })];
  const work = Array.from({ length: 8 }, async (_, k) => {
    const { binding, output } = bindProduct(sessions[k % 2]!, n, new Float32Array(n * n).fill(k));
    for (let round = 0; round < 3; round++) await binding.run();
    return floatsIn(output).every((value) => value === k);
  });
  return Promise.all(work);
}

const worker = (name: string, value: number): Worker =>
  new Worker(new URL('./worker.js', import.meta.url), { workerData: { name, value } });

/** What several worker threads computed at once. */
export async function workersAtOnce(): Promise<boolean[]> {
  const workers = Array.from({ length: 4 }, (_, value) => worker('compute', value + 1));
  return Promise.all(
    workers.map(async (thread) => {
      const [result] = await once(thread, 'message');
      await once(thread, 'exit');
      return result as boolean;
    }),
  );
}

/** Terminates workers at several moments of a task of worker.ts; whether the main thread still computes afterwards. */
async function terminated(name: string): Promise<boolean> {
  for (const delay of [0, 3, 20, 60]) {
    const threads = [worker(name, 1), worker(name, 2)];
    await Promise.all(threads.map((thread) => once(thread, 'message')));
    await sleep(delay);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
  const session = await open(product(n, 5));
  const { binding, output } = bindProduct(session, n, new Float32Array(n * n).fill(7));
  await binding.run();
  return floatsIn(output).every((value) => value === 7);
}

/** Whether trainings that overlap have the losses that each has alone. */
export async function overlappingTrainings(): Promise<boolean[]> {
  const alone: number[][] = [];
  for (let seed = 0; seed < 4; seed++) alone.push(await train(seed, 6, 2));
  const together = await Promise.all(alone.map((_, seed) => train(seed, 6, 2)));
  return together.map((losses, seed) => losses.every((loss, step) => loss === alone[seed]![step]));
}

export const terminatedTrainings = (): Promise<boolean> => terminated('train');
export const terminatedRuns = (): Promise<boolean> => terminated('run');
export const terminatedFills = (): Promise<boolean> => terminated('fill');
export const terminatedPrograms = (): Promise<boolean> => terminated('program');
export const terminatedCreations = (): Promise<boolean> => terminated('create');
export const terminatedFailures = (): Promise<boolean> => terminated('fail');

/** Sessions with flatmin's kernels, the first of a process, made at the same time. */
export async function sessionsMadeAtOnce(): Promise<number> {
  const sessions = await Promise.all(Array.from({ length: 8 }, () => open(addition(4), { kernels: true })));
  return sessions.length;
}
