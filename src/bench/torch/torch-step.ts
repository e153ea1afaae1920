import { spawn } from 'node:child_process';
import { FlatminError } from '../../errors.js';
import { packageFile } from '../../package-file.js';

/** What torch_step.py tells of a mode. */
export interface TorchTiming {
  readonly stepSeconds: readonly number[];
  readonly peakRssBytes: number;
  /** Part of it that importing PyTorch takes. */
  readonly importRssBytes: number;
  /** Reserved by PyTorch on the GPU; null on the CPU. */
  readonly peakDeviceBytes: number | null;
  readonly torch: string;
}

const SCRIPT = packageFile('src/bench/torch/torch_step.py');

/**
 * Times one mode of PyTorch in a process of its own.
 * @returns its timing, or the reason why this machine cannot run it
 * @throws FlatminError RUNTIME where the script fails; INTERRUPTED on `signal`
 */
export async function torchStep(
  python: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<TorchTiming | { readonly unavailable: string }> {
  const { status, stdout, stderr } = await output(python, [SCRIPT, '--attended', ...args, '--json'], signal);
  if (signal?.aborted) throw new FlatminError('INTERRUPTED', 'Stopped.');
  const line = stdout.trim().split('\n').at(-1)!;
  try {
    if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1) || `exit status ${status}`);
    const { modes } = JSON.parse(line) as { modes: [TorchTiming | { unavailable: string }] };
    return modes[0];
  } catch (cause) {
    throw new FlatminError(
      'RUNTIME',
      `${python} ${SCRIPT} did not measure PyTorch: ${(cause as Error).message}.`,
      { cause },
    );
  }
}

function output(
  command: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
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
    child.on('close', (status) => {
      signal?.removeEventListener('abort', kill);
      resolve({ status, stdout, stderr });
    });
  });
}
