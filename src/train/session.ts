import { availableParallelism } from 'node:os';
import type { ClassifyOptions } from '../autodiff/prepare/classify.js';
import { type PreparedModel, prepareModel } from '../autodiff/prepare/prepare.js';
import { evaluationSizes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import type { SeparatedModel } from '../autodiff/separate.js';
import { FlatminError, invalid } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { flatmin, type Target } from '../lowering/targets.js';
import { readModel, writeModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { DataType, elementBytes, elementCount, tensorData } from '../onnx/tensor.js';
import { meanGradient } from '../optim/micro-batches.js';
import type { Optimizer, Problem, StepReport } from '../optim/optimizer.js';
import type { DeviceBuffer, NativeBinding } from '../runtime/addon-types.js';
import { Arena } from '../runtime/arena.js';
import { openRuntime, type Runtime } from '../runtime/library.js';
import { type ParameterGroup, ParameterSpace, type Vector } from '../runtime/parameter-space.js';
import { uniforms } from '../runtime/random.js';
import { allocate, runBinding, Session } from '../runtime/session.js';
import { averageStatistics } from './batch-norm-statistics.js';
import { type BuiltGraph, buildGraph } from './build-graph.js';
import { checkedFeed, type FeedInput } from './check-feed.js';
import { type Evaluation, Evaluator } from './evaluator.js';
import type { Feeds } from './feeds.js';
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
  groups?: readonly ParameterGroup[];
  /** Seed of all random numbers of the optimizers; default 0. */
  seed?: number;
  /** Threads of sessions and vector operations; default: all cores. */
  threads?: number;
  /** Default: the ONNX Runtime that npm installed. */
  runtime?: Runtime;
  /** What the training graph is lowered to; default flatmin's own kernels. */
  target?: Target;
  /** Writes a profile of ONNX Runtime's kernels to PREFIX_<date>.json when the session is disposed. */
  profilePrefix?: string;
}

/** How a step over several micro-batches perturbs: each on its own (m-sharpness; default), or all by one perturbation. */
export type MicroBatchPerturbation = 'per-batch' | 'synchronised';

export interface StepOptions {
  /** Only matters to optimizers that perturb, and with more than one micro-batch. Default 'per-batch'. */
  perturbation?: MicroBatchPerturbation;
}

/** Vectors to take a model's weights from: an average of the parameters, running statistics computed for it. */
export interface WeightVectors {
  /** Default: the parameters in training. */
  parameters?: Vector | undefined;
  /** Default: the running statistics in training. */
  statistics?: Vector | undefined;
}

interface DataInput extends FeedInput {
  readonly buffer: DeviceBuffer;
}

/** Sets the numbers that decide what Dropout drops apart from the optimizers' own of the same seed. */
const DROPOUT_SEED = 2 ** 40;
/** Micro-batches and Dropout nodes of a step that have streams of their own. */
const STREAMS_PER_STEP = 2 ** 20;
const STREAMS_PER_BATCH = 2 ** 10;

/** A model in training: parameters, gradients and statistics in device buffers, one session of its training graph. */
export class TrainingSession {
  /** Steps done. */
  steps = 0;
  readonly space: ParameterSpace;
  private readonly statisticsArena: Arena;
  private readonly statistics: Vector;
  private readonly inputs: readonly DataInput[];
  private readonly lossBuffer = allocate(4);
  /** One for each vector that gradients have been taken at. */
  private readonly bindings = new Map<Vector, NativeBinding>();
  private readonly nextStatistics: Vector;
  /** What batchNormStatistics computes. */
  private computedStatistics: Vector | undefined;
  /** Sum of the gradients of a step's micro-batches. */
  private gradientSum: Vector | undefined;
  /** The batch in the input buffers. */
  private fed: Feeds | undefined;
  private evaluator: Evaluator | undefined;
  /** Seconds spent in gradients so far, for measurements. */
  gradientSeconds = 0;

  /** The model as given, without the values of its weights: those are in the buffers. */
  private readonly model: ModelProto;
  /** The same in the form that gradients are taken of. */
  private readonly prepared: PreparedModel;
  private readonly noise: readonly {
    readonly buffer: DeviceBuffer;
    readonly dims: readonly number[];
    readonly name: string;
  }[];

  private constructor(
    initial: ModelProto,
    prepared: PreparedModel,
    private readonly built: BuiltGraph,
    private readonly session: Session,
    private readonly runtime: Runtime,
    private readonly options: Required<Pick<TrainingSessionOptions, 'loss' | 'seed' | 'threads'>> &
      TrainingSessionOptions,
  ) {
    this.space = new ParameterSpace(built.parameters, options.groups ?? [], options.threads);
    this.statisticsArena = new Arena(built.runningStatistics);
    this.statistics = this.statisticsArena.vector();
    this.nextStatistics = this.statisticsArena.vector();
    this.inputs = built.dataInputs.map(({ name }) => {
      const { type, dims } = built.types.get(name)!;
      const labels = built.lossTargets.find((target) => target.name === name)?.labels;
      return { name, type, dims, labels, buffer: allocate(elementCount(dims) * elementBytes(type)) };
    });
    this.noise = built.noise.map((input) => ({ ...input, buffer: allocate(elementCount(input.dims) * 4) }));
    const initialValues = new Map(prepared.model.graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const name of this.weightNames)
      this.setWeight(name, tensorData(initialValues.get(name)!) as Float32Array);
    const empty = this.weightBytes(() => new Uint8Array());
    this.model = withWeights(initial, prepared.origins, empty);
    this.prepared = { ...prepared, model: withWeights(prepared.model, new Map(), empty) };
  }

  /**
   * Builds the training graph of a model for one batch size and loads it.
   * @param given a forward model, or the path of an .onnx file
   * @throws FlatminError when the model is invalid, an op has no gradient or the runtime refuses the graph
   */
  static async create(given: ModelProto | string, options: TrainingSessionOptions): Promise<TrainingSession> {
    const model = typeof given === 'string' ? await readModel(given) : given;
    const threads = options.threads ?? availableParallelism();
    if (!Number.isInteger(threads) || threads < 1) throw invalid('threads', 'a positive integer', threads);
    const runtime = options.runtime ?? openRuntime();
    const target = options.target ?? flatmin;
    const prepared = prepareModel(model);
    const built = await buildGraph(runtime, prepared, { dropout: true, ...options, target });
    const session = await Session.create(runtime, built.model, {
      intraOpThreads: threads,
      kernels: target === flatmin,
      memoryPattern: false,
      // The pool of the vector operations takes over between runs.
      config: { 'session.force_spinning_stop': '1' },
      ...(options.profilePrefix && { profilePrefix: options.profilePrefix }),
    });
    return new TrainingSession(model, prepared, built, session, runtime, {
      ...options,
      seed: options.seed ?? 0,
      threads,
    });
  }

  /**
   * Trains on one batch, or on several micro-batches as one step: one update from the mean of their gradients. BatchNorm normalises
   * each micro-batch on its own, and its running statistics move with each, in its clean pass.
   * @throws FlatminError NOT_FINITE naming the step when the loss is NaN or infinite
   */
  async step(
    batches: Feeds | readonly Feeds[],
    optimizer: Optimizer,
    { perturbation = 'per-batch' }: StepOptions = {},
  ): Promise<StepReport> {
    const list = Array.isArray(batches) ? (batches as readonly Feeds[]) : [batches as Feeds];
    if (list.length === 0) throw invalid('batches', 'at least one batch', 'none');
    if (perturbation !== 'per-batch' && perturbation !== 'synchronised')
      throw invalid('perturbation', "'per-batch' or 'synchronised'", perturbation);
    this.fed = undefined;
    if (list.length === 1) this.feed(list[0]!);
    const problem = list.length === 1 ? this.problem() : this.problemOf(list, perturbation === 'per-batch');
    const report = await optimizer.step(problem);
    this.steps++;
    return report;
  }

  /**
   * Puts a batch where the next gradients read it.
   * @param part its place among the micro-batches of a step
   * @throws FlatminError INVALID_ARGUMENT naming an array that is missing or does not fit, or a label out of range
   */
  feed(batch: Feeds, part = 0): void {
    const data = this.inputs.map((input) => checkedFeed(input, batch, this.inputs));
    this.inputs.forEach(({ buffer }, index) => {
      buffer.write(data[index]!);
    });
    this.fillNoise(part);
    this.fed = batch;
  }

  /** The numbers depend on seed, step and micro-batch alone: every pass of a step drops the same. */
  private fillNoise(part: number): void {
    const first = this.steps * STREAMS_PER_STEP + part * STREAMS_PER_BATCH;
    this.noise.forEach(({ buffer, dims }, index) => {
      buffer.write(uniforms(elementCount(dims), this.options.seed + DROPOUT_SEED, first + index));
    });
  }

  /** The view of this session that optimizers and measures work on. */
  problem(): Problem {
    return {
      space: this.space,
      step: this.steps,
      seed: this.options.seed,
      gradient: (statistics, at) => this.gradient(statistics, at ?? this.space.parameters),
    };
  }

  /** A problem over micro-batches, each put in place when its gradient is asked for. */
  private problemOf(batches: readonly Feeds[], withParts: boolean): Problem {
    const { space, steps: step } = this;
    const { seed } = this.options;
    const parts = batches.map(
      (batch, index): Problem => ({
        space,
        step,
        seed,
        part: { index, count: batches.length },
        gradient: async (statistics, at) => {
          if (this.fed !== batch) this.feed(batch, index);
          return this.gradient(statistics, at ?? space.parameters);
        },
      }),
    );
    this.gradientSum ??= space.vector();
    const total = this.gradientSum;
    const gradient: Problem['gradient'] = (statistics, at) =>
      meanGradient(parts, total, (part) => part.gradient(statistics, at));
    return { space, step, seed, gradient, ...(withParts && { parts }) };
  }

  private async gradient(statistics: 'update' | 'keep', at: Vector): Promise<number> {
    const start = performance.now();
    await runBinding(this.bindingAt(at));
    this.gradientSeconds += (performance.now() - start) / 1000;
    const loss = new Float32Array(1);
    this.lossBuffer.read(loss);
    if (!Number.isFinite(loss[0]!)) {
      throw new FlatminError(
        'NOT_FINITE',
        `The loss is ${loss[0]} at step ${this.steps + 1}: lower the learning rate or check the data.`,
      );
    }
    if (statistics === 'update' && this.hasStatistics) this.commitStatistics();
    return loss[0]!;
  }

  /** Running statistics are written beside the old ones, so a pass that fails leaves them whole. */
  private commitStatistics(): void {
    const values = new Uint8Array(this.statistics.byteLength);
    this.nextStatistics.read(values);
    this.statistics.write(values);
  }

  /** Loss and accuracy in evaluation mode (running statistics) over batches of any size, at the trained weights or others. */
  async evaluate(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    at: WeightVectors = {},
  ): Promise<Evaluation> {
    this.evaluator ??= await Evaluator.create(this.runtime, this.prepared, {
      loss: this.options.loss,
      output: this.options.output,
      threads: this.options.threads,
      dims: evaluationSizes(this.prepared.model.graph.input, this.options),
      built: this.built,
    });
    return this.evaluator.run(batches, (name) => this.weightBuffer(name, at));
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
    const computed = (this.computedStatistics ??= this.statisticsArena.vector());
    // From running statistics of zero, an update leaves the batch's, times one minus the momentum.
    const zeros = this.statisticsArena.vector();
    const binding = this.bind(parameters, zeros);
    try {
      await averageStatistics({
        arena: this.statisticsArena,
        model: this.prepared.model,
        batches,
        updated: this.nextStatistics,
        target: computed,
        pass: async (batch) => {
          this.feed(batch);
          await runBinding(binding);
        },
      });
    } finally {
      binding.dispose();
      zeros.dispose();
    }
    return computed;
  }

  /** A parameter or running statistic, copied. */
  weight(name: string, at: WeightVectors = {}): Float32Array {
    const [arena, vector] = this.locate(name, at);
    return arena.read(vector, name);
  }

  setWeight(name: string, values: Float32Array): void {
    const [arena, vector] = this.locate(name);
    arena.write(vector, name, values);
  }

  /** Names of all parameters, then of all running statistics. */
  get weightNames(): string[] {
    return [...this.space.arena.segments, ...this.statisticsArena.segments].map(({ name }) => name);
  }

  /** Whether the model has running statistics that training moves. */
  get hasStatistics(): boolean {
    return this.built.statistics.length > 0;
  }

  /** What a batch must hold: the model's inputs, then those of the loss. */
  get feedInputs(): readonly FeedInput[] {
    return this.inputs;
  }

  /** What every initializer of the model is to training, and why. */
  get classified(): SeparatedModel['classified'] {
    return this.built.classified;
  }

  /** Shape of a parameter or running statistic. */
  weightDims(name: string): readonly number[] {
    return this.locate(name)[0].segment(name).dims;
  }

  private locate(name: string, at: WeightVectors = {}): [Arena, Vector] {
    return this.built.parameters.some((weight) => weight.name === name)
      ? [this.space.arena, at.parameters ?? this.space.parameters]
      : [this.statisticsArena, at.statistics ?? this.statistics];
  }

  private weightBuffer(name: string, at: WeightVectors): DeviceBuffer {
    const [arena, vector] = this.locate(name, at);
    return arena.view(vector, name);
  }

  /** Writes the model with its trained weights and running statistics, or others: an inference model, otherwise as it was given. */
  async save(path: string, at: WeightVectors = {}): Promise<void> {
    const weights = this.weightBytes((name) => new Uint8Array(this.weight(name, at).buffer));
    await writeModel(inferenceModel(withWeights(this.model, this.prepared.origins, weights)), path);
  }

  private weightBytes(bytes: (name: string) => Uint8Array): Map<string, WeightBytes> {
    return new Map(
      this.weightNames.map((name) => [name, { dims: this.weightDims(name), bytes: bytes(name) }]),
    );
  }

  /** Frees all native memory. The optimizers' state of this session goes with it. */
  dispose(): void {
    for (const binding of this.bindings.values()) binding.dispose();
    if (this.options.profilePrefix) this.session.endProfiling();
    this.session.dispose();
    this.evaluator?.dispose();
    this.space.dispose();
    for (const buffer of [this.statistics, this.nextStatistics, this.lossBuffer, this.computedStatistics])
      buffer?.dispose();
    for (const { buffer } of [...this.inputs, ...this.noise]) buffer.dispose();
  }

  private bindingAt(point: Vector): NativeBinding {
    const binding = this.bindings.get(point) ?? this.bind(point);
    this.bindings.set(point, binding);
    return binding;
  }

  private bind(point: Vector, statistics = this.statistics): NativeBinding {
    const binding = this.session.createBinding();
    for (const { name, buffer, type, dims } of this.inputs) binding.bindInput(name, buffer, type, dims);
    for (const { name, buffer, dims } of this.noise) binding.bindInput(name, buffer, DataType.float, dims);
    for (const { name, dims, output } of this.built.parameters) {
      binding.bindInput(name, this.space.arena.view(point, name), DataType.float, dims);
      binding.bindOutput(output, this.space.arena.view(this.space.gradient, name), DataType.float, dims);
    }
    for (const { name, dims } of this.built.runningStatistics)
      binding.bindInput(name, this.statisticsArena.view(statistics, name), DataType.float, dims);
    for (const { name, dims, output } of this.built.statistics) {
      binding.bindOutput(output, this.statisticsArena.view(this.nextStatistics, name), DataType.float, dims);
    }
    binding.bindOutput(this.built.loss, this.lossBuffer, DataType.float, []);
    return binding;
  }
}
