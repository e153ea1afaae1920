import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FlatminError } from '../../errors.js';
import type { ChildMessage, ChildRequest } from './messages.js';

export interface ChildOptions {
  /** Ends the child. */
  signal?: AbortSignal | undefined;
  /** Takes what the task says on the way. */
  onProgress?: ((value: unknown) => void) | undefined;
}

/** A child that ended without a result: killed for memory, or crashed. */
export class ChildDied extends FlatminError {
  /** @param end its signal or exit status */
  constructor(readonly end: string) {
    super('RUNTIME', `The process that measured ended without a result (${end}).`);
  }
}

function errorOf({ code, name, message, stack }: Extract<ChildMessage, { kind: 'error' }>): Error {
  if (code) return new FlatminError(code, message);
  return Object.assign(name === 'RangeError' ? new RangeError(message) : new Error(message), { name, stack });
}

const ENTRY = fileURLToPath(new URL('./child.js', import.meta.url));

/**
 * Does one task of child.ts in a process of its own, so that its peak memory is its own and its crash ends nothing else.
 * @throws what the task throws; ChildDied; FlatminError INTERRUPTED on `signal`
 */
export async function runInChild<T>(
  task: string,
  args: readonly unknown[],
  { signal, onProgress }: ChildOptions = {},
): Promise<T> {
  const interrupted = () => new FlatminError('INTERRUPTED', 'Stopped.');
  if (signal?.aborted) throw interrupted();
  // What runtimes print goes to stderr: stdout belongs to the command.
  const child = fork(ENTRY, [], { stdio: ['ignore', 2, 2, 'ipc'], serialization: 'advanced' });
  const kill = () => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  try {
    return await new Promise<T>((resolve, reject) => {
      child.on('error', reject);
      child.on('message', (message: ChildMessage) => {
        if (message.kind === 'progress') onProgress?.(message.value);
        else if (message.kind === 'result') resolve(message.value as T);
        else reject(errorOf(message));
      });
      child.on('exit', (status, killedBy) => {
        const stopped = signal?.aborted || killedBy === 'SIGINT';
        reject(stopped ? interrupted() : new ChildDied(killedBy ?? `exit status ${status}`));
      });
      const request: ChildRequest = { task, args };
      child.send(request);
    });
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}
