import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fault, type Outcome } from './kind.js';

const script = new URL('./worker.js', import.meta.url).pathname;

/**
 * What a case may take: seconds of JavaScript's thread on a processor, of the whole process with ONNX Runtime's threads, of having no
 * processor at all (as on a lock), and resident memory. How long it takes by the clock says how busy the machine is. ONNX Runtime 1.30 needs 5 to 50 s for the gradient of some chains of 10,000 nodes; cases whose process had more than
 * `slow` are counted.
 */
export const LIMITS = { own: 10, slow: 20, process: 200, idle: 120, bytes: (1024 + 200) * 2 ** 20 };
/** A process that has had this many cases, or held this much, gives way to a new one, so that what it holds is of few cases. */
const RENEW = { cases: 200, bytes: 600 * 2 ** 20 };
/** How often time and memory are looked at, in ms. */
const LOOK = 50;

/** The largest resident set of a process so far, in bytes; 0 where the system does not tell. */
function peakBytes({ pid }: ChildProcess): number {
  try {
    const found = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return 1024 * Number(found?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const TICKS_PER_SECOND = 100;

/** Seconds that a process, or its first thread, has had on processors; 0 where the system does not tell. */
function busySeconds({ pid }: ChildProcess, which: 'process' | 'first thread'): number {
  try {
    // proc(5): utime and stime are the fields 14 and 15; the name before them may hold anything.
    const fields = readFileSync(`/proc/${pid}/${which === 'process' ? '' : `task/${pid}/`}stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Processes of a kind, one at a time: each case has the time and the memory of LIMITS, and one that ends its process is a fault. */
export class WatchedWorker {
  private child: ChildProcess | undefined;
  private cases = 0;
  private said = '';

  constructor(
    private readonly kind: string,
    private readonly folder: string,
    private readonly corpus: readonly string[],
  ) {}

  async run(seed: string): Promise<Outcome> {
    const child = this.child ?? this.start();
    this.said = '';
    const outcome = await new Promise<Outcome>((resolve) => {
      const began = performance.now();
      const [all, own] = [busySeconds(child, 'process'), busySeconds(child, 'first thread')];
      let isSlow = false;
      let [busy, busyAt] = [all, began];
      const end = (result: Outcome) => {
        clearInterval(timer);
        child.removeAllListeners('message').removeAllListeners('close');
        resolve({ ...result, isSlow });
      };
      const timer = setInterval(() => {
        const bytes = peakBytes(child);
        if (bytes > LIMITS.bytes) end(fault(`It took ${Math.round(bytes / 2 ** 20)} MiB of memory.`));
        else if (busySeconds(child, 'first thread') - own > LIMITS.own)
          end(fault(`JavaScript took more than ${LIMITS.own} s of a processor.`));
        const now = busySeconds(child, 'process');
        if (now > busy) [busy, busyAt] = [now, performance.now()];
        const taken = now - all;
        isSlow = taken > LIMITS.slow;
        if (taken > LIMITS.process) end(fault(`It took more than ${LIMITS.process} s of processors.`));
        else if (performance.now() - busyAt > 1000 * LIMITS.idle)
          end(fault(`It had no processor for ${LIMITS.idle} s, and did not end.`));
      }, LOOK);
      child.once('message', (result) => end(result as Outcome));
      child.once('close', (code, signal) => {
        this.child = undefined;
        end(fault(`The process ended with ${signal ?? `code ${code}`}.\n${this.said.slice(-2000)}`));
      });
      child.send({ seed });
    });
    const bytes = peakBytes(child);
    const tooLarge = outcome.state !== 'fault' && bytes > LIMITS.bytes;
    if (outcome.state === 'fault' || ++this.cases >= RENEW.cases || bytes > RENEW.bytes) this.stop();
    return tooLarge ? fault(`It took ${Math.round(bytes / 2 ** 20)} MiB of memory.`) : outcome;
  }

  stop(): void {
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }

  private start(): ChildProcess {
    const child = fork(script, [this.kind, this.folder, ...this.corpus], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (this.said += chunk));
    this.cases = 0;
    this.child = child;
    return child;
  }
}
