import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Held } from './measure.js';

const worker = new URL('./worker.js', import.meta.url).pathname;

/** What a subject held as it went on; each in a process of its own. @throws Error where that fails */
export async function soak(name: string, rounds: number, times: number): Promise<Held[]> {
  const child = spawn(process.execPath, ['--expose-gc', worker, name, String(rounds), String(times)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let found: Held[] | undefined;
  child.on('message', (message: Held[]) => {
    found = message;
  });
  await once(child, 'close');
  if (!found)
    throw new Error(`${name}: its process ended with ${child.signalCode ?? `code ${child.exitCode}`}.`);
  return found;
}
