import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { recomputeOption } from '../compile/recompute/option.js';
import { type Normalization, sampled } from '../data/index.js';
import { checked, type Given, option } from '../options/option.js';
import { choice, count, countOrAll } from '../options/values.js';
import { bindData } from '../run/data-binding.js';
import type { Execution } from '../run/execution.js';
import { openShared } from '../run/ranks.js';
import { type BatchNormMode, DataObjective } from '../session/data-objective.js';
import { ModelWeights } from '../session/model-weights.js';
import { seed } from '../sharpness/declare.js';
import type { Objective } from '../sharpness/objective.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { PASS_BATCH_DEFAULT, passBatch } from './pass-batch.js';
import { sourceSamples } from './source-samples.js';
import { chooseSubject, type SubjectOptions } from './subject.js';

export const objectiveOptions = {
  /** A part of the training samples drawn by `seed`, or 'all' (default). */
  samples: option(countOrAll, {
    symbol: 'n',
    help: 'a seeded part of the training images, or all',
    default: 'all',
  }),
  /** Of that part; an integer ≥ 0, default 0. */
  seed,
  /**
   * Samples in one run of a session. Default: as in training, but at most 32 on a CPU and 256 on a GPU where BatchNorm uses running
   * statistics. With these the figures are the same for all, to rounding.
   */
  batch: option(count.optional(), {
    symbol: 'n',
    help: 'images in one pass through the model',
    byDefault: PASS_BATCH_DEFAULT,
  }),
  /** Activations are computed again for gradients instead of being kept: see TrainingSessionOptions. Default false. */
  recompute: recomputeOption,
  /** Statistics that BatchNormalization uses; default 'running'. */
  batchNorm: option(choice(['running', 'batch']), {
    symbol: 'statistics',
    help: 'what BatchNorm normalises by',
    default: 'running',
  }),
};

/** What the loss is of, and where it is computed. */
export interface ObjectiveOptions
  extends SubjectOptions,
    Given<typeof objectiveOptions>,
    Pick<Execution, 'device' | 'threads' | 'memory' | 'runtime' | 'cudaGraphs' | 'group'> {
  /** Takes what is decided about the model that the user should know. */
  onNote?: ((note: string) => void) | undefined;
}

/** What the loss of a `ModelObjective` is of. Plain JSON. */
export interface ObjectiveFacts {
  /** Path of the model, or the name of its graph. */
  model: string;
  /** Trainable numbers. */
  parameters: number;
  /** What `openDataset` was given, or the data set's name. */
  data: string;
  /** Training samples that `samples` were drawn from by `seed`. */
  samplesOf: number;
  /** Of images: (pixel / scale − mean) / std for each channel. */
  normalization?: Readonly<{ scale: number } & Normalization>;
  /** The loss's. */
  lossName: string;
  /** Statistics that BatchNormalization used. */
  batchNorm: BatchNormMode;
  /** Samples in one run of a session. */
  batch: number;
}

/** The mean loss of a model over fixed samples, which `openObjective` opens and `dispose` frees. */
export class ModelObjective implements Objective {
  /** @internal */
  constructor(
    private readonly objective: DataObjective,
    private readonly weights: ModelWeights,
    /** What the loss is of. */
    readonly facts: ObjectiveFacts,
  ) {}

  /** The parameters, and the gradient beside them. */
  get space(): ParameterSpace {
    return this.weights.space;
  }

  get samples(): number {
    return this.objective.samples;
  }

  /** Seconds spent so far: loading sessions, and running them. */
  get seconds(): Readonly<{ loading: number; running: number }> {
    return this.objective.seconds;
  }

  loss(at?: Vector): Promise<number> {
    return this.objective.loss(at);
  }

  gradient(at?: Vector): Promise<number> {
    return this.objective.gradient(at);
  }

  hessianVectorProduct(v: Vector, out: Vector, at?: Vector): Promise<void> {
    return this.objective.hessianVectorProduct(v, out, at);
  }

  batches(size: number): readonly Objective[] {
    return this.objective.batches(size);
  }

  sumsOverRanks(numbers: readonly number[]): Promise<number[]> {
    return this.objective.sumsOverRanks(numbers);
  }

  /** Frees the sessions and the vectors of the space; may not be used afterwards. */
  dispose(): void {
    this.objective.dispose();
    this.weights.dispose();
  }
}

/**
 * The mean loss of a trained model over training samples, without augmentation and without weight decay, as a function of its parameters:
 * what `measure` works on. The model given is never written.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL
 */
export async function openObjective(options: ObjectiveOptions): Promise<ModelObjective> {
  const { batchNorm, samples, seed, batch: asked, recompute } = checked(objectiveOptions, options);
  const subject = await chooseSubject(options);
  const { model, loss, source } = subject;
  const prepared = prepareSessionModel(model, subject.view);
  const { device, runtime } = await openShared(options);
  const batch = passBatch({ asked, batchNorm, trained: subject.batch, device });
  const view = { ...subject.view, batch: Math.min(batch, source.train.size), layout: subject.layout };
  const binding = await bindData(runtime, prepared, loss, source, view);
  for (const note of binding.notes) options.onNote?.(note);
  const part = samples === 'all' ? source : sampled(source, { train: samples, seed });

  const groups = subject.groups(binding.parameters);
  const weights = new ModelWeights(binding.weights, binding.initializers, { groups, device });
  const data = sourceSamples(part, binding);
  const { dims } = binding;
  try {
    const objective = DataObjective.create(prepared, weights, data, {
      ...subject.view,
      loss,
      batch,
      dims,
      batchNorm,
      recompute,
      runtime,
      group: options.group,
    });
    return new ModelObjective(objective, weights, {
      model: subject.name,
      parameters: weights.space.arena.count,
      data: subject.data,
      samplesOf: source.train.size,
      ...(source.normalization && { normalization: source.normalization }),
      lossName: loss.name,
      batchNorm,
      batch,
    });
  } catch (error) {
    weights.dispose();
    throw error;
  }
}
