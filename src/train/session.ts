import type { ClassifyOptions } from '../autodiff/prepare/classify.js';
import { type PreparedModel, prepareModel } from '../autodiff/prepare/prepare.js';
import { evaluationSizes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import type { SeparatedModel } from '../autodiff/separate.js';
import { targetFor } from '../capabilities/target-for.js';
import { FlatminError, invalid } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import type { Target } from '../lowering/targets.js';
import { readModel, writeModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { elementCount } from '../onnx/tensor.js';
import { LossScaler } from '../optim/loss-scale.js';
import { meanGradient } from '../optim/micro-batches.js';
import type { Optimizer, Problem } from '../optim/optimizer.js';
import type { Device } from '../runtime/device/device.js';
import { openDevice } from '../runtime/device/open.js';
import { openRuntime, type Runtime } from '../runtime/library.js';
import type { ParameterGroup, ParameterSpace, Vector } from '../runtime/parameter-space.js';
import { uniforms } from '../runtime/random.js';
import { BatchGraph } from './batch-graph.js';
import { averageStatistics } from './batch-norm-statistics.js';
import { type BuiltGraph, buildGraph } from './build-graph.js';
import type { FeedInput } from './check-feed.js';
import { type Evaluation, Evaluator } from './evaluator.js';
import type { Feeds } from './feeds.js';
import { halfKernelsOf } from './half-kernels.js';
import { ModelWeights, type WeightVectors } from './model-weights.js';
import type { Precision } from './precision.js';
import { StepPasses } from './step-passes.js';
import { type QueuedStep, StepQueue, type StepResult } from './step-queue.js';
import { inferenceModel, type WeightBytes, withWeights } from './trained-model.js';

/**
 * `batch`: samples in every training batch; `dims`: sizes of the model's other open dimensions; `train`, `freeze`: which initializers are
 * parameters, by name.
 */
export interface TrainingSessionOptions extends SizeOptions, ClassifyOptions {
  loss: Loss;
  /** The model's output that the loss takes; default its first. */
  output?: string;
  /** BatchNormalization by the batch, whose statistics move the running ones (default), or by the running ones, which stay. */
  batchNorm?: 'batch' | 'running';
  /** Whether Dropout nodes drop in training, by the session's seed and the step. Default true. */
  dropout?: boolean;
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
  /** What the training graph is lowered to; default: the fastest form of each op that the runtime can run on the device. */
  target?: Target | undefined;
  /** Writes a profile of ONNX Runtime's kernels to PREFIX_<date>.json when the session is disposed. */
  profilePrefix?: string;
}

/** How a step over several micro-batches perturbs: each on its own (m-sharpness; default), or all by one perturbation. */
export type MicroBatchPerturbation = 'per-batch' | 'synchronised';

export interface StepOptions {
  /** Only matters to optimizers that perturb, and with more than one micro-batch. Default 'per-batch'. */
  perturbation?: MicroBatchPerturbation;
}

/** Sets the numbers that decide what Dropout drops apart from the optimizers' own of the same seed. */
const DROPOUT_SEED = 2 ** 40;
/** Micro-batches and Dropout nodes of a step that have streams of their own. */
const STREAMS_PER_STEP = 2 ** 20;
const STREAMS_PER_BATCH = 2 ** 10;

/** A model in training: parameters, gradients and statistics in device buffers, one session of its training graph. */
export class TrainingSession {
  /** Steps queued; on the CPU they are done. */
  steps = 0;
  /** Seconds spent in gradients so far, for measurements: on a GPU, in queueing them. */
  gradientSeconds = 0;
  /** Of half precision: how the loss is scaled. */
  readonly lossScaler: LossScaler | undefined;
  private readonly nextStatistics: Vector;
  /** What batchNormStatistics computes. */
  private computedStatistics: Vector | undefined;
  /** Sum of the gradients of a step's micro-batches. */
  private gradientSum: Vector | undefined;
  /** The batch in the input buffers. */
  private fed: Feeds | undefined;
  private evaluator: Evaluator | undefined;
  private readonly queue: StepQueue;

  private constructor(
    /** The model as given, without the values of its weights: those are in the buffers. */
    private readonly model: ModelProto,
    /** The same in the form that gradients are taken of. */
    private readonly prepared: PreparedModel,
    private readonly built: BuiltGraph,
    private readonly weights: ModelWeights,
    private readonly graph: BatchGraph,
    private readonly runtime: Runtime,
    private readonly options: Required<Pick<TrainingSessionOptions, 'loss' | 'seed'>> &
      TrainingSessionOptions,
    nextStatistics: Vector,
  ) {
    this.nextStatistics = nextStatistics;
    const { latency } = weights.device;
    if (built.lossScale) this.lossScaler = new LossScaler({ latency });
    this.queue = new StepQueue(latency, this.lossScaler);
  }

  /**
   * Builds the training graph of a model for one batch size and loads it.
   * @param given a forward model, or the path of an .onnx file
   * @throws FlatminError when the model is invalid, an op has no gradient, the runtime refuses the graph, or the device's memory is too small
   */
  static async create(given: ModelProto | string, options: TrainingSessionOptions): Promise<TrainingSession> {
    const model = typeof given === 'string' ? await readModel(given) : given;
    const { loss, groups, seed = 0, profilePrefix, precision = 'fp32' } = options;
    const device = options.device ?? openDevice('cpu', { threads: options.threads });
    const runtime = options.runtime ?? openRuntime(undefined, device.name);
    const target = options.target ?? (await targetFor(runtime, device.name));
    const prepared = prepareModel(model);
    const halfKernels = await halfKernelsOf(runtime, device, precision);
    const built = await buildGraph(runtime, prepared, { dropout: true, ...options, target, halfKernels });
    const layout = { parameters: built.parameters, statistics: built.runningStatistics };
    const weights = new ModelWeights(layout, prepared.model.graph.initializer, { groups, device });
    const nextStatistics = weights.statisticsArena.vector(device);
    const graph = await BatchGraph.load(
      built,
      weights,
      { runtime, target, profilePrefix, batch: options.batch },
      { nextStatistics },
    );
    const empty = weightBytes(weights, () => new Uint8Array());
    return new TrainingSession(
      withWeights(model, prepared.origins, empty),
      { ...prepared, model: withWeights(prepared.model, new Map(), empty) },
      built,
      weights,
      graph,
      runtime,
      { ...options, loss, seed },
      nextStatistics,
    );
  }

  /** The parameters as one vector, and those beside it. */
  get space(): ParameterSpace {
    return this.weights.space;
  }

  get device(): Device {
    return this.weights.device;
  }

  /**
   * Trains on one batch, or on several micro-batches as one step: one update from the mean of their gradients. BatchNorm normalises
   * each micro-batch on its own, and its running statistics move with each, in its clean pass.
   * @throws FlatminError NOT_FINITE naming the step when the loss is NaN or infinite; with a loss scale (half precision) such a step is
   * skipped instead, until the scale cannot fall further
   */
  async step(
    batches: Feeds | readonly Feeds[],
    optimizer: Optimizer,
    options: StepOptions = {},
  ): Promise<StepResult> {
    const { result } = await this.enqueue(batches, optimizer, options);
    return result;
  }

  /**
   * The same without waiting for a GPU: resolves when the step is queued. At most `device.latency` steps are on their way when it
   * begins: it waits for those before.
   */
  async enqueue(
    batches: Feeds | readonly Feeds[],
    optimizer: Optimizer,
    { perturbation = 'per-batch' }: StepOptions = {},
  ): Promise<QueuedStep> {
    const list = Array.isArray(batches) ? (batches as readonly Feeds[]) : [batches as Feeds];
    if (list.length === 0) throw invalid('batches', 'at least one batch', 'none');
    if (perturbation !== 'per-batch' && perturbation !== 'synchronised')
      throw invalid('perturbation', "'per-batch' or 'synchronised'", perturbation);
    await this.queue.room();
    this.fed = undefined;
    if (list.length === 1) await this.feed(list[0]!);
    const problem = list.length === 1 ? this.problem() : this.problemOf(list, perturbation === 'per-batch');
    const report = await optimizer.step(problem);
    return this.queue.add(report, this.steps++);
  }

  /**
   * Puts a batch where the next gradients read it.
   * @param part its place among the micro-batches of a step
   * @throws FlatminError INVALID_ARGUMENT naming an array that is missing or does not fit, or a label out of range
   */
  async feed(batch: Feeds, part = 0): Promise<void> {
    await this.queue.room();
    await this.graph.feed(batch);
    // The numbers depend on seed, step and micro-batch alone: every pass of a step drops the same.
    const first = this.steps * STREAMS_PER_STEP + part * STREAMS_PER_BATCH;
    for (const [index, { name, dims }] of this.built.noise.entries()) {
      const values = uniforms(elementCount(dims), this.options.seed + DROPOUT_SEED, first + index);
      await this.graph.fill(name, values);
    }
    this.fed = batch;
  }

  /** The view of this session that optimizers and measures work on. */
  problem(): Problem {
    const passes = this.passes();
    return {
      ...this.problemBase(passes),
      gradient: (statistics, at) =>
        this.timed(() => passes.gradient(statistics, at ?? this.space.parameters)),
    };
  }

  private problemBase({ health, onNotFinite }: StepPasses): Omit<Problem, 'gradient'> {
    const { space, steps: step } = this;
    return { space, step, seed: this.options.seed, health, onNotFinite };
  }

  private passes(): StepPasses {
    const { graph, weights, nextStatistics, hasStatistics, lossScaler: scaler } = this;
    const { lossScale } = this.built;
    return new StepPasses({ graph, weights, nextStatistics, hasStatistics, scaler, lossScale }, this.steps);
  }

  private async timed<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    this.gradientSeconds += (performance.now() - start) / 1000;
    return result;
  }

  /** A problem over micro-batches, each put in place when its gradient is asked for. */
  private problemOf(batches: readonly Feeds[], withParts: boolean): Problem {
    const passes = this.passes();
    const base = this.problemBase(passes);
    const parts = batches.map(
      (batch, index): Problem => ({
        ...base,
        part: { index, count: batches.length },
        gradient: async (statistics, at) => {
          if (this.fed !== batch) await this.feed(batch, index);
          return this.timed(() => passes.gradient(statistics, at ?? base.space.parameters));
        },
      }),
    );
    this.gradientSum ??= this.space.vector();
    const total = this.gradientSum;
    const gradient: Problem['gradient'] = (statistics, at) =>
      meanGradient(parts, total, (part) => part.gradient(statistics, at));
    return { ...base, gradient, ...(withParts && { parts }) };
  }

  /** Loss and accuracy in evaluation mode (running statistics) over batches of any size, at the trained weights or others. */
  async evaluate(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    at: WeightVectors = {},
  ): Promise<Evaluation> {
    this.evaluator ??= Evaluator.create(this.runtime, this.prepared, {
      loss: this.options.loss,
      output: this.options.output,
      device: this.device,
      dims: evaluationSizes(this.prepared.model.graph.input, this.options),
      built: this.built,
    });
    return this.evaluator.run(batches, (name) => this.weights.buffer(name, at));
  }

  /**
   * BatchNorm's statistics at a point that was not trained itself, such as an average of weights (Izmailov et al. 2018): the means,
   * over batches of the training data, of the batches' means and population variances. The running statistics in training stay as
   * they are; `space.gradient` is overwritten.
   * @param batches full batches of the session's size
   * @returns a vector for `evaluate` and `save`, valid until the next call
   * @throws FlatminError INVALID_DATA when there is no batch, INVALID_MODEL when the model has no statistics that move
   */
  async batchNormStatistics(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    parameters: Vector,
  ): Promise<Vector> {
    if (!this.hasStatistics)
      throw new FlatminError(
        'INVALID_MODEL',
        `Model "${this.prepared.model.graph.name}" has no running statistics that training moves: there are none to compute.`,
      );
    const { statisticsArena: arena, device } = this.weights;
    const computed = (this.computedStatistics ??= arena.vector(device));
    // From running statistics of zero, an update leaves the batch's, times one minus the momentum.
    const zeros = arena.vector(device);
    try {
      await averageStatistics({
        arena,
        model: this.prepared.model,
        batches,
        updated: this.nextStatistics,
        target: computed,
        pass: async (batch) => {
          await this.feed(batch);
          await this.graph.run(parameters, zeros);
        },
      });
    } finally {
      this.graph.release(zeros);
      zeros.dispose();
    }
    return computed;
  }

  /** A parameter or running statistic, copied. */
  weight(name: string, at: WeightVectors = {}): Float32Array {
    return this.weights.read(name, at);
  }

  setWeight(name: string, values: Float32Array): void {
    this.weights.write(name, values);
  }

  /** Names of all parameters, then of all running statistics. */
  get weightNames(): string[] {
    return this.weights.names;
  }

  /** Shape of a parameter or running statistic. */
  weightDims(name: string): readonly number[] {
    return this.weights.dims(name);
  }

  /** Whether the model has running statistics that training moves. */
  get hasStatistics(): boolean {
    return this.built.statistics.length > 0;
  }

  /** What a batch must hold: the model's inputs, then those of the loss. */
  get feedInputs(): readonly FeedInput[] {
    return this.graph.inputs;
  }

  /** What every initializer of the model is to training, and why. */
  get classified(): SeparatedModel['classified'] {
    return this.built.classified;
  }

  /** Writes the model with its trained weights and running statistics, or others: an inference model, otherwise as it was given. */
  async save(path: string, at: WeightVectors = {}): Promise<void> {
    const weights = weightBytes(this.weights, (name) => new Uint8Array(this.weight(name, at).buffer));
    await writeModel(inferenceModel(withWeights(this.model, this.prepared.origins, weights)), path);
  }

  /** Frees all native memory. The optimizers' state of this session goes with it. */
  dispose(): void {
    this.graph.dispose();
    this.evaluator?.dispose();
    this.weights.dispose();
    for (const buffer of [this.nextStatistics, this.computedStatistics]) buffer?.dispose();
  }
}

const weightBytes = (weights: ModelWeights, bytes: (name: string) => Uint8Array): Map<string, WeightBytes> =>
  new Map(weights.names.map((name) => [name, { dims: weights.dims(name), bytes: bytes(name) }]));
