import type { ModelView } from '../autodiff/prepare/session-model.js';
import type { SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import type { LossChoice } from '../compile/loss-model.js';
import { PRECISIONS } from '../compile/precision.js';
import { recomputeOption } from '../compile/recompute/option.js';
import type { Communicator } from '../group/communicator.js';
import type { Loss } from '../losses/loss.js';
import type { Target } from '../lowering/targets.js';
import { type Given, option } from '../options/option.js';
import { choice, count, countOrZero, flag } from '../options/values.js';
import type { Runtime } from '../ort/library.js';
import type { Device } from '../vectors/device/device.js';
import { deviceOptions } from '../vectors/device/open.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';
import type { WeightVectors } from './model-weights.js';

export const sessionOptions = {
  /** BatchNormalization by the batch, whose statistics move the running ones (default), or by the running ones, which stay. */
  batchNorm: option(choice(['batch', 'running']), {
    symbol: 'mode',
    help: 'normalise by the batch or by the running statistics',
    default: 'batch',
  }),
  /** Whether Dropout nodes drop in training, by the session's seed and the step. Default true. */
  dropout: option(flag, { help: 'let Dropout nodes drop', default: true }),
  /**
   * What a step does whose loss or gradient is NaN or infinite: 'throw' NOT_FINITE (default), or 'skip': it changes nothing, and training
   * goes on. With a loss scale (half precision) such steps are skipped in any case, until the scale cannot fall further.
   */
  onNotFinite: option(choice(['throw', 'skip']), {
    symbol: 'what',
    help: 'what a step does whose loss or gradient is not finite',
    default: 'throw',
  }),
  /** Seed of all random numbers of the optimizers; default 0. */
  seed: option(countOrZero, { symbol: 'n', help: 'of all random numbers', default: 0 }),
  /** What the training graph computes with; weights, statistics and gradients are float32 always. Default 'fp32'. */
  precision: option(choice(PRECISIONS), {
    symbol: 'kind',
    help: 'of activations and products; weights and statistics stay float32',
    default: 'fp32',
  }),
  /**
   * Computes forward values again for the gradients instead of keeping them: less activation memory, more time, the same results. true
   * (default false): as little memory as that reaches. A share in (0, 1): the least time that needs at most this share of the memory, or
   * the least memory where that is more.
   */
  recompute: recomputeOption,
  /** On the CPU: threads of sessions and vector operations; default: all cores. */
  threads: deviceOptions.threads,
};

/**
 * `batch`: samples in every training batch; `dims`: sizes of the model's other open dimensions; `train`, `freeze`: which initializers are
 * parameters, by name; `constants`: what inputs are in this session; `output`, `outputAsIs`: what the loss takes.
 */
export interface TrainingSessionOptions
  extends SizeOptions,
    ClassifyOptions,
    ModelView,
    LossChoice,
    Given<typeof sessionOptions> {
  /** Put at the end of the model. */
  loss: Loss;
  /** Parameter groups with options of their own; the first that matches a parameter has it. */
  groups?: readonly ParameterGroup[] | undefined;
  /**
   * The ranks that train together (`joinGroup`): those of a step have its micro-batches in turn, and all begin with the weights of rank 0.
   * Every rank makes the same calls. Default: this process alone.
   */
  group?: Communicator | undefined;
  /** Where the model is trained; default the CPU. 'tf32' asks the device for itself (`openDevice`). */
  device?: Device | undefined;
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
export type MicroBatchPerturbation = NonNullable<StepOptions['perturbation']>;

export const stepOptions = {
  /** Only matters to optimizers that perturb, and with more than one micro-batch. Default 'per-batch'. */
  perturbation: option(choice(['per-batch', 'synchronised']), {
    symbol: 'kind',
    help: 'of each micro-batch on its own, or one of the whole step',
    default: 'per-batch',
  }),
};

/** How a step is made. */
export interface StepOptions extends Given<typeof stepOptions> {}

export const streamOptions = {
  /** Micro-batches a step; default 1. */
  accumulate: option(count, { symbol: 'n', help: 'micro-batches in a step', default: 1 }),
};

/** How a stream of batches makes steps. */
export interface StreamOptions extends StepOptions, Given<typeof streamOptions> {}

export const saveOptions = {
  /** Element types of the file: those that it came with ('own', the default), to which weights are rounded, or float32 for all. */
  type: option(choice(['own', 'float32']), {
    symbol: 'kind',
    help: 'element types of the file',
    default: 'own',
  }),
};

/** What is saved, and in which types. */
export interface SaveOptions extends WeightVectors, Given<typeof saveOptions> {}
