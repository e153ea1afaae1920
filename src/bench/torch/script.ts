import { spawn } from 'node:child_process';
import { FlatminError } from '../../errors.js';

/**
 * Runs a script of Python that answers with a line of JSON, its last.
 * @param args the script, and what it is given; with '--attended' it ends with this process
 * @returns what the line holds
 * @throws FlatminError INTERRUPTED on `signal`; Error with what it said last where it fails
 */
export async function runScript(
  python: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<unknown> {
  const { status, killedBy, stdout, stderr } = await output(python, args, signal);
  if (signal?.aborted) throw new FlatminError('INTERRUPTED', 'Stopped.');
  if (status !== 0)
    throw new Error(stderr.trim().split('\n').at(-1) || (killedBy ?? `exit status ${status}`));
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

function output(
  command: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ status: number | null; killedBy: string | null; stdout: string; stderr: string }> {
  // A group of its own: the script's child ends with it. Stdin tells it when this process is gone.
  const detached = process.platform !== 'win32';
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached });
  const kill = () => {
    if (detached) process.kill(-child.pid!, 'SIGKILL');
    else child.kill();
  };
  signal?.addEventListener('abort', kill);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, killedBy) => {
      signal?.removeEventListener('abort', kill);
      resolve({ status, killedBy, stdout, stderr });
    });
  });
}
