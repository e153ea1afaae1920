import { existsSync, writeFileSync } from 'node:fs';
import type { FileObserver, FileOperation } from './operation.js';
import { watchFiles } from './watch-files.js';

/** What is done to a process: for `node --import`, in FLATMIN_TORTURE as JSON. */
export interface Torture {
  /** The folder whose operations are counted. */
  readonly root: string;
  /** Ends the process at the n-th operation, half of it done where it is a write. */
  readonly killAt?: number;
  /** From the n-th write on the disk is full. */
  readonly fullAt?: number;
  /** Before the n-th operation, waits until a file is there. */
  readonly waitAt?: number;
  readonly waitFor?: string;
  /** Hours that the clock is set back. */
  readonly hoursBack?: number;
}

const { root, killAt, fullAt, waitAt, waitFor, hoursBack } = JSON.parse(
  process.env.FLATMIN_TORTURE!,
) as Torture;

if (hoursBack !== undefined) setBack(hoursBack * 3_600_000);
await watchFiles(root, fullAt === undefined ? stopping() : filling(fullAt));

function setBack(milliseconds: number): void {
  const Before = Date;
  globalThis.Date = class extends Before {
    constructor(...args: []) {
      super(...((args.length > 0 ? args : [Before.now() - milliseconds]) as []));
    }
    static override now(): number {
      return Before.now() - milliseconds;
    }
  } as DateConstructor;
}

function stopping(): FileObserver {
  let count = 0;
  return {
    before(operation) {
      count++;
      if (count === waitAt) waitThere(waitFor!);
      if (count !== killAt) return undefined;
      if (operation.kind === 'write') return operation.bytes.length >> 1;
      return die();
    },
    after() {
      if (count === killAt) die();
    },
  };
}

/** `PATH.reached` says that it waits for PATH. */
function waitThere(path: string): void {
  writeFileSync(`${path}.reached`, '');
  while (!existsSync(path)) sleep(10);
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;) sleep(1000);
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function filling(first: number): FileObserver {
  let writes = 0;
  return {
    before(operation: FileOperation) {
      if (operation.kind !== 'write' || ++writes < first) return undefined;
      if (writes === first && operation.bytes.length > 1) return operation.bytes.length >> 1;
      // As Node makes it: of a write to an open file it has no path.
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
        errno: -28,
        code: 'ENOSPC',
        syscall: 'write',
      });
    },
  };
}
