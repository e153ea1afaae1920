import { FlatminError } from '../../errors.js';
import { packageFile } from '../../package-file.js';
import { runScript } from './script.js';

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
  try {
    const answer = await runScript(python, [SCRIPT, '--attended', ...args, '--json'], signal);
    return (answer as { modes: [TorchTiming | { unavailable: string }] }).modes[0];
  } catch (cause) {
    if (cause instanceof FlatminError) throw cause;
    throw new FlatminError(
      'RUNTIME',
      `${python} ${SCRIPT} did not measure PyTorch: ${(cause as Error).message}.`,
      { cause },
    );
  }
}
