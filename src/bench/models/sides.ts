import { FlatminError } from '../../errors.js';
import type { Runtime } from '../../ort/library.js';
import { runInChild } from '../child/run.js';
import { modelStep, type TorchModels } from '../torch/model-step.js';
import type { MeasureTask, StepMeasurement } from './measure.js';
import type { PeerMode } from './options.js';
import { stepSettings } from './training.js';

/** What a side is given in each round. */
export type StepTask = Omit<MeasureTask, 'runtime'>;

/** One of those that are compared. */
export interface Side {
  readonly peer: string;
  readonly isTorch: boolean;
  /** @throws FlatminError INTERRUPTED on `signal` */
  measure(task: StepTask, signal?: AbortSignal): Promise<StepMeasurement | { readonly unavailable: string }>;
}

/** flatmin on a runtime, in a child process. */
export const flatminSide = (runtime: Runtime): Side => ({
  peer: `flatmin ${runtime.kind}`,
  isTorch: false,
  async measure(task, signal) {
    try {
      return await runInChild<StepMeasurement>('model', [{ ...task, runtime } satisfies MeasureTask], {
        signal,
      });
    } catch (error) {
      if (!(error instanceof FlatminError) || error.code === 'INTERRUPTED') throw error;
      return { unavailable: error.message };
    }
  },
});

/** A mode of PyTorch, in a process of Python. */
export const torchSide = (models: TorchModels, mode: PeerMode): Side => ({
  peer: `PyTorch ${mode}`,
  isTorch: true,
  measure: (task, signal) => modelStep(models, task.file.name, torchArguments(task, mode), signal),
});

/** Of model_step.py, for the same steps. */
export function torchArguments(
  { optimizer, precision, steps, warmup, threads }: Omit<StepTask, 'file' | 'sizes'>,
  mode: PeerMode,
): string[] {
  const { lr, momentum, rho } = stepSettings(optimizer);
  const values = { optimizer, mode, precision, steps, warmup, threads, lr, momentum, rho };
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}
