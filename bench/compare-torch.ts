/**
 * flatmin against PyTorch on this machine: whole training steps of WideResNet on the CPU, in one run.
 *
 *     node dist/bench/compare-torch.js [--python python3] [--rounds 3] [--steps 5] [--threads 2] [--json]
 *         [--case wrn-28-10:16:sam] …
 *
 * Each round runs flatmin and PyTorch's three modes (eager, channels_last, compile) one after the other, each in a process of its
 * own, so that a slow spell of the machine meets all of them. Printed are medians over all timed steps of all rounds, the ratio
 * PyTorch's best ÷ flatmin (above 1: flatmin is faster) and peak memory. PyTorch's peak includes what importing it takes, which is
 * shown beside it. Needs Python with PyTorch; nothing else in flatmin does.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Timing {
  stepSeconds: number[];
  peakRssBytes: number;
  importRssBytes?: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    case: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
  },
});
const cases =
  values.case ?? ['sgd', 'sam', 'rand-sam'].flatMap((o) => [`wrn-28-10:16:${o}`, `wrn-16-4:64:${o}`]);
const modes = ['eager', 'channels_last', 'compile'];

const median = (numbers: number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

function lastJson(command: string, args: string[]): Record<string, unknown> {
  const out = execFileSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(out.trim().split('\n').at(-1)!);
}

function flatmin(common: string[]): Timing {
  return lastJson(process.execPath, [
    'bin/flatmin.js',
    'bench',
    'step',
    ...common,
    '--json',
  ]) as unknown as Timing;
}

/** One mode of PyTorch, or the reason why this machine cannot run it. */
function torch(mode: string, common: string[]): Timing | string {
  const result = lastJson(values.python, ['bench/torch_step.py', ...common, '--mode', mode, '--json']);
  const [found] = result.modes as [Timing & { unavailable?: string }];
  return found.unavailable ?? found;
}

const rows = cases.map((name) => {
  const [model, batch, optimizer] = name.split(':') as [string, string, string];
  const common = ['--model', model, '--batch', batch, '--optimizer', optimizer];
  common.push('--steps', values.steps, '--threads', values.threads);
  const timings = new Map<string, Timing[]>();
  const missing = new Map<string, string>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of ['flatmin', ...modes]) {
      const timing = peer === 'flatmin' ? flatmin(common) : torch(peer, common);
      if (typeof timing === 'string') missing.set(peer, timing);
      else timings.set(peer, [...(timings.get(peer) ?? []), timing]);
    }
  }
  const peers = [...timings].map(([peer, list]) => ({
    peer,
    secondsPerStep: median(list.flatMap(({ stepSeconds }) => stepSeconds)),
    peakRssBytes: Math.max(...list.map(({ peakRssBytes }) => peakRssBytes)),
    importRssBytes: Math.max(...list.map(({ importRssBytes }) => importRssBytes ?? 0)),
  }));
  const own = peers.find(({ peer }) => peer === 'flatmin')!;
  const rivals = peers.filter(({ peer }) => peer !== 'flatmin');
  const best = rivals.reduce((a, b) => (a.secondsPerStep <= b.secondsPerStep ? a : b));
  return {
    case: name,
    ratio: best.secondsPerStep / own.secondsPerStep,
    best: best.peer,
    peers,
    missing: Object.fromEntries(missing),
  };
});

if (values.json) {
  console.log(JSON.stringify(rows));
} else {
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  for (const row of rows) {
    console.log(`${row.case}: ${row.ratio.toFixed(2)} × PyTorch's best (${row.best})`);
    for (const { peer, secondsPerStep, peakRssBytes, importRssBytes } of row.peers) {
      const imported = importRssBytes ? ` (${mib(importRssBytes)} of it by importing)` : '';
      console.log(
        `  ${peer.padEnd(14)} ${secondsPerStep.toFixed(3)} s/step  peak ${mib(peakRssBytes)}${imported}`,
      );
    }
    for (const [peer, reason] of Object.entries(row.missing))
      console.log(`  ${peer.padEnd(14)} unavailable: ${reason}`);
  }
}
