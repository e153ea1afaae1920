import { fork } from 'node:child_process';
import { once } from 'node:events';
import { FlatminError } from '../errors.js';

/** What a runtime did in a process of its own. */
export interface RuntimeCheck {
  readonly version: string;
  readonly providers: readonly string[];
  /** Whether it has kernels of training ops. */
  readonly training: boolean;
}

const LIMIT_MS = 120_000;

/**
 * Loads a libonnxruntime in another process and computes with it on a device; for CUDA, that loads its libraries too.
 * @throws FlatminError RUNTIME with the reason, also where that process crashed; INTERRUPTED
 */
export async function checkRuntime(
  library: string,
  device = 'cpu',
  signal?: AbortSignal,
): Promise<RuntimeCheck> {
  const child = fork(new URL('./check-child.js', import.meta.url), [library, device], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  let answer: RuntimeCheck | { error: string } | undefined;
  child.on('message', (message: RuntimeCheck | { error: string }) => {
    answer = message;
  });
  const [code, killedBy] = await once(child, 'close');
  signal?.removeEventListener('abort', stop);
  if (signal?.aborted) throw new FlatminError('INTERRUPTED', 'The check of the runtime was stopped.');
  if (answer && 'error' in answer) throw new FlatminError('RUNTIME', answer.error);
  if (answer) return answer;
  const end = killedBy ? `was ended by ${killedBy}` : `ended with code ${code}`;
  throw new FlatminError(
    'RUNTIME',
    `A process that tried ${library} on ${device} ${end}. ${said.trim().split('\n').slice(-3).join(' ')}`.trim(),
  );
}
