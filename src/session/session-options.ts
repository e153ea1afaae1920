import type { ModelView } from '../autodiff/prepare/session-model.js';
import type { SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import type { LossChoice } from '../compile/loss-model.js';
import type { Precision } from '../compile/precision.js';
import type { Loss } from '../losses/loss.js';
import type { Target } from '../lowering/targets.js';
import type { Runtime } from '../ort/library.js';
import type { Device } from '../vectors/device/device.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';
import type { WeightVectors } from './model-weights.js';

/**
 * `batch`: samples in every training batch; `dims`: sizes of the model's other open dimensions; `train`, `freeze`: which initializers are
 * parameters, by name; `constants`: what inputs are in this session; `output`, `outputAsIs`: what the loss takes.
 */
export interface TrainingSessionOptions extends SizeOptions, ClassifyOptions, ModelView, LossChoice {
  /** Put at the end of the model. */
  loss: Loss;
  /** BatchNormalization by the batch, whose statistics move the running ones (default), or by the running ones, which stay. */
  batchNorm?: 'batch' | 'running';
  /** Whether Dropout nodes drop in training, by the session's seed and the step. Default true. */
  dropout?: boolean;
  /**
   * What a step does whose loss or gradient is NaN or infinite: 'throw' NOT_FINITE (default), or 'skip': it changes nothing, and training
   * goes on. With a loss scale (half precision) such steps are skipped in any case, until the scale cannot fall further.
   */
  onNotFinite?: 'throw' | 'skip' | undefined;
  /** Parameter groups with options of their own; the first that matches a parameter has it. */
  groups?: readonly ParameterGroup[] | undefined;
  /** Seed of all random numbers of the optimizers; default 0. */
  seed?: number;
  /** What the training graph computes with; weights, statistics and gradients are float32 always. Default 'fp32'. */
  precision?: Precision | undefined;
  /** Where the model is trained; default the CPU. 'tf32' asks the device for itself (`openDevice`). */
  device?: Device | undefined;
  /** On the CPU: threads of sessions and vector operations; default: all cores. */
  threads?: number | undefined;
  /** Default: the training build of ONNX Runtime where it is installed, else the one that npm installed. */
  runtime?: Runtime | undefined;
  /**
   * What the training graph is lowered to; default: the fastest form of each op that the runtime can run on the device.
   * @internal
   */
  target?: Target | undefined;
  /**
   * Writes a profile of ONNX Runtime's kernels to PREFIX_<date>.json when the session is disposed.
   * @internal
   */
  profilePrefix?: string;
}

/** How a step over several micro-batches perturbs: each on its own (m-sharpness; default), or all by one perturbation. */
export type MicroBatchPerturbation = 'per-batch' | 'synchronised';

/** How a step is made. */
export interface StepOptions {
  /** Only matters to optimizers that perturb, and with more than one micro-batch. Default 'per-batch'. */
  perturbation?: MicroBatchPerturbation;
}

/** How a stream of batches makes steps. */
export interface StreamOptions extends StepOptions {
  /** Micro-batches a step; default 1. */
  accumulate?: number;
}

/** What is saved, and in which types. */
export interface SaveOptions extends WeightVectors {
  /** Element types of the file: those that it came with ('own', the default), to which weights are rounded, or float32 for all. */
  type?: 'own' | 'float32' | undefined;
}
