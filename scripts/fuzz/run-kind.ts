import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind, Outcome } from './kind.js';
import type { FuzzOptions } from './options.js';
import { WatchedWorker } from './watched-worker.js';

/** What the cases of a kind came to. */
export interface Tally {
  readonly kind: string;
  readonly cases: number;
  readonly values: number;
  readonly refused: number;
  readonly faults: number;
  /** Of all, those that took ONNX Runtime long. */
  readonly slow: number;
  readonly seconds: number;
}

const PROGRESS_SECONDS = 10;

/** Runs cases of a kind, up to a time (as performance.now()), and keeps those that fail. */
export async function runKind(
  kind: Kind,
  count: number,
  until: number,
  options: FuzzOptions,
): Promise<Tally> {
  const { seed, first, workers, out, corpus } = options;
  const began = performance.now();
  const counts = { value: 0, refused: 0, fault: 0, slow: 0 };
  let [next, told] = [first, began];
  const tally = (): Tally => ({
    kind: kind.name,
    cases: counts.value + counts.refused + counts.fault,
    values: counts.value,
    refused: counts.refused,
    faults: counts.fault,
    slow: counts.slow,
    seconds: (performance.now() - began) / 1000,
  });
  const work = async (id: number) => {
    const folder = join(out, 'work', `${kind.name}-${process.pid}-${id}`);
    const worker = new WatchedWorker(kind.name, folder, corpus);
    while (next < first + count && performance.now() < until) {
      const index = next++;
      const outcome = await worker.run(`${kind.name} ${seed} ${index}`);
      counts[outcome.state]++;
      if (outcome.isSlow) counts.slow++;
      if (outcome.state === 'fault') report(kind.name, index, outcome, folder, options);
      if (performance.now() - told > 1000 * PROGRESS_SECONDS) {
        told = performance.now();
        const { cases, faults, seconds } = tally();
        console.log(`${kind.name}: ${cases} of ${count} cases, ${faults} faults, ${seconds.toFixed(0)} s`);
      }
    }
    worker.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  await Promise.all(Array.from({ length: Math.min(workers, count) }, (_, id) => work(id)));
  return tally();
}

function report(
  kind: string,
  index: number,
  { message = '' }: Outcome,
  folder: string,
  { seed, out, corpus }: FuzzOptions,
): void {
  const kept = join(out, `${kind}-${seed}-${index}`);
  mkdirSync(kept, { recursive: true });
  cpSync(folder, kept, { recursive: true });
  const again = ['npm run fuzz --', `--seed ${seed} --first ${index} --${kind} 1`, ...corpus].join(' ');
  writeFileSync(join(kept, 'fault.txt'), `${message}\n\n${again}\n`);
  const start = message.split('\n').slice(0, 8).join('\n    ');
  console.log(
    `\nFAULT in ${kind}, case ${index} of seed ${seed}:\n    ${start}\n  kept in ${kept}\n  again: ${again}\n`,
  );
}
