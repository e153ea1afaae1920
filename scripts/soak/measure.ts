import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { addon } from '../../src/addon/addon.js';
import type { Subject } from './subjects.js';

/** What a process holds; memory in bytes. */
export interface Held {
  readonly resident: number;
  /** Of JavaScript: objects, and what they keep outside of its heap. */
  readonly heap: number;
  readonly external: number;
  /** Of the addon. */
  readonly buffers: number;
  /** Open file descriptors and threads; 0 where the system does not tell. */
  readonly files: number;
  readonly threads: number;
}

/** What is held once garbage has been collected. Needs --expose-gc. */
async function held(): Promise<Held> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!();
    // Finalizers run, and threads that were told to end do.
    await wait(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    resident: rss,
    heap: heapUsed,
    external,
    buffers: addon.heldBytes(),
    files: count('fd'),
    threads: count('task'),
  };
}

function count(what: string): number {
  try {
    return readdirSync(`/proc/self/${what}`).length;
  } catch {
    return 0;
  }
}

/** Does a subject's rounds, and looks `times` times at what is held: after the first of as many equal parts, and after each other. */
export async function measure(subject: Subject, rounds: number, times: number): Promise<Held[]> {
  const round = await subject.begin();
  const found: Held[] = [];
  for (let part = 1, done = 0; part <= times; part++) {
    for (; done < (part * rounds) / times; done++) await round();
    found.push(await held());
  }
  return found;
}
