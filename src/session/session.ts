import { float32Model } from '../autodiff/prepare/float32.js';
import type { Classified } from '../autodiff/roles/classify.js';
import { describeDecisions } from '../autodiff/roles/decisions.js';
import { describeOwnTypes } from '../compile/own-types.js';
import { inferenceModel, withWeights } from '../compile/put-weights.js';
import { describeRecomputation } from '../compile/recompute/describe.js';
import type { Recomputation } from '../compile/recompute/recompute.js';
import { FlatminError, invalid } from '../errors.js';
import type { Task } from '../metrics/metric.js';
import { writeModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { elementCount } from '../onnx/tensors/tensor.js';
import { LossScaler, type LossScaleState } from '../optim/loss-scale.js';
import { microBatchProblem } from '../optim/micro-batch-problem.js';
import type { Optimizer, Problem } from '../optim/optimizer.js';
import { checked } from '../options/option.js';
import type { Device } from '../vectors/device/device.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import type { BatchGraph } from './batch-graph.js';
import { averageStatistics } from './batch-norm-statistics.js';
import { type EvaluateOptions, type Evaluation, Evaluator } from './evaluator.js';
import { BatchInputs } from './feed/batch-inputs.js';
import type { FeedInput } from './feed/check-feed.js';
import type { Feeds } from './feed/feeds.js';
import { explainNotFinite } from './finite/explain-not-finite.js';
import { type LoadedTraining, loadForward, loadTraining } from './load-training.js';
import type { WeightVectors } from './model-weights.js';
import { RankExchange } from './rank-exchange.js';
import { assertRanksOnCpus } from './ranks-on-cpus.js';
import {
  type SaveOptions,
  type StepOptions,
  type StreamOptions,
  saveOptions,
  sessionOptions,
  stepOptions,
  streamOptions,
  type TrainingSessionOptions,
} from './session-options.js';
import { type LossScaling, StepPasses } from './step-passes.js';
import { type QueuedStep, StepQueue, type StepResult } from './step-queue.js';

/** How far a session has come. */
export interface SessionState {
  /** Steps done. */
  readonly steps: number;
  /** Those of them that were skipped. Default 0. */
  readonly skipped?: number;
  /** In half precision. */
  readonly lossScale?: LossScaleState | undefined;
}

/** A model in training: parameters, gradients and statistics in device buffers, one session of its training graph. */
export class TrainingSession {
  /** Of half precision: how the loss is scaled. */
  readonly lossScaler: LossScaler | undefined;
  private readonly seed: number;
  private readonly scaling: LossScaling | undefined;
  /** See PassContext. */
  private readonly statisticsBefore: Vector | undefined;
  private readonly inputs: BatchInputs;
  private readonly clock = { seconds: 0 };
  /** What batchNormStatistics computes. */
  private computedStatistics: Vector | undefined;
  /** Sum of the gradients of a step's micro-batches. */
  private gradientSum: Vector | undefined;
  private evaluator: Promise<Evaluator> | undefined;
  /** The training graph without gradients. */
  private forward: Promise<BatchGraph> | undefined;
  private readonly queue: StepQueue;
  /** With the other ranks of the job. */
  private readonly exchange: RankExchange | undefined;
  private queued = 0;
  private isStepping = false;

  private constructor(
    private readonly loaded: LoadedTraining,
    private readonly options: TrainingSessionOptions,
  ) {
    const { weights, graph, built } = loaded;
    const { device, statisticsArena } = weights;
    const { latency } = device;
    const { seed, onNotFinite } = checked(sessionOptions, options);
    this.seed = seed;
    this.inputs = new BatchInputs(graph, built.noise, this.seed);
    if (built.lossScale) {
      this.lossScaler = new LossScaler({ latency });
      this.scaling = { scaler: this.lossScaler, input: built.lossScale };
    }
    const skips = this.scaling !== undefined || onNotFinite === 'skip';
    if (skips) this.statisticsBefore = statisticsArena.vector(device);
    const { group } = options;
    if (group && group.size > 1) this.exchange = new RankExchange(group, weights);
    this.queue = new StepQueue(latency, this.lossScaler, skips);
  }

  /**
   * Builds the training graph of a model for one batch size and loads it.
   * @param given a forward model, or the path of an .onnx file
   * @throws FlatminError when the model is invalid, an op has no gradient, the runtime refuses the graph, or the device's memory is too small
   */
  static async create(given: ModelProto | string, options: TrainingSessionOptions): Promise<TrainingSession> {
    const { device, group } = options;
    assertRanksOnCpus(group, device);
    const session = new TrainingSession(await loadTraining(given, options), options);
    await session.equalise();
    return session;
  }

  /** The parameters as one vector, and those beside it. */
  get space(): ParameterSpace {
    return this.loaded.weights.space;
  }

  /** Where it is trained. */
  get device(): Device {
    return this.loaded.weights.device;
  }

  /** Steps queued; on the CPU they are done. */
  get steps(): number {
    return this.queued;
  }

  /**
   * What training goes on from, beside the weights and the optimizer's vectors. All steps must be done: of one that is on its way, the
   * loss scale is not known.
   */
  state(): SessionState {
    return {
      steps: this.queued,
      skipped: this.queue.skipped,
      ...(this.lossScaler && { lossScale: this.lossScaler.state() }),
    };
  }

  /** Goes on from a state, while no step is on its way. Without a loss scale in it, the present one is kept. */
  restore({ steps, lossScale, skipped = lossScale?.skipped ?? 0 }: SessionState): void {
    this.queued = steps;
    this.queue.restore(steps, skipped);
    const scaler = this.lossScaler;
    scaler?.restore(lossScale ?? { ...scaler.state(), step: steps });
  }

  /**
   * Trains on a stream of batches: the results of the steps in their order, each once it is known. On a GPU, `device.latency` steps are
   * on their way when a result comes. What ends the batches ends the steps: then the results of those on their way still come. Batches
   * that fill no step at the end are left out. Nothing else may train meanwhile; who leaves the loop gives up the results on their way.
   * @throws FlatminError as step, in the order of the steps
   */
  async *train(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    optimizer: Optimizer,
    options: StreamOptions = {},
  ): AsyncGenerator<StepResult, void, undefined> {
    const { queue } = this;
    const { accumulate } = checked(streamOptions, options);
    while (!queue.isEmpty) await this.take();
    let microBatches: Feeds[] = [];
    for await (const batch of batches) {
      microBatches.push(batch);
      if (microBatches.length < accumulate) continue;
      await this.enqueue(microBatches, optimizer, options);
      microBatches = [];
      while (queue.isFull) yield await this.take();
    }
    while (!queue.isEmpty) yield await this.take();
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
   * @throws FlatminError IN_USE where another step is being queued
   */
  async enqueue(
    batches: Feeds | readonly Feeds[],
    optimizer: Optimizer,
    options: StepOptions = {},
  ): Promise<QueuedStep> {
    const list = Array.isArray(batches) ? (batches as readonly Feeds[]) : [batches as Feeds];
    if (list.length === 0) throw invalid('batches', 'at least one batch', 'none');
    const { perturbation } = checked(stepOptions, options);
    if (this.isStepping)
      throw new FlatminError(
        'IN_USE',
        'Another step of this session is under way: await it before the next.',
      );
    this.isStepping = true;
    try {
      return await this.makeStep(list, optimizer, perturbation === 'per-batch');
    } finally {
      this.isStepping = false;
    }
  }

  private async makeStep(
    batches: readonly Feeds[],
    optimizer: Optimizer,
    withParts: boolean,
  ): Promise<QueuedStep> {
    await this.queue.room();
    this.inputs.clear();
    const isWhole = batches.length === 1 && !this.exchange;
    if (isWhole) await this.feed(batches[0]!);
    const passes = this.passes();
    const problem = isWhole ? passes.problem : this.problemOf(passes, batches, withParts);
    try {
      const report = await optimizer.step(problem);
      await passes.end(report.gradientNorm);
      return this.queue.add(report, this.queued++);
    } catch (error) {
      throw explainNotFinite(error, this.loaded.weights, { batches, withGradient: true });
    }
  }

  /** The result of the oldest step on its way. */
  private async take(): Promise<StepResult> {
    try {
      return await this.queue.take();
    } catch (error) {
      throw explainNotFinite(error, this.loaded.weights);
    }
  }

  /**
   * Puts a batch where the next gradients read it.
   * @param part its place among the micro-batches of a step
   * @throws FlatminError INVALID_ARGUMENT naming an array that is missing or does not fit, or a label out of range
   */
  async feed(batch: Feeds, part = 0): Promise<void> {
    await this.queue.room();
    await this.inputs.feed(batch, this.queued, part);
  }

  /**
   * Gives all ranks the weights of rank 0.
   * @internal
   */
  async equalise(): Promise<void> {
    await this.exchange?.equalise();
  }

  /** The view of this session that optimizers and measures work on. */
  problem(): Problem {
    return this.passes().problem;
  }

  /** Seconds spent in gradients so far, for measurements: on a GPU, in queueing them. */
  get gradientSeconds(): number {
    return this.clock.seconds;
  }

  private passes(): StepPasses {
    const { loaded, seed, scaling, statisticsBefore, clock, exchange } = this;
    const { graph, weights } = loaded;
    weights.space.beginStep(this.queued);
    const { applied } = this.queue;
    const nextStatistics = this.hasStatistics ? loaded.nextStatistics : undefined;
    return new StepPasses(
      { graph, weights, seed, nextStatistics, scaling, statisticsBefore, applied, clock, exchange },
      this.queued,
    );
  }

  /** A problem over micro-batches, each put in place when its gradient is asked for. */
  private problemOf(passes: StepPasses, batches: readonly Feeds[], withParts: boolean): Problem {
    const { exchange } = this;
    const { rank, size } = exchange?.group ?? { rank: 0, size: 1 };
    const feed = async (index: number) => {
      const batch = batches[index]!;
      if (!this.inputs.holds(batch)) await this.feed(batch, index * size + rank);
    };
    const ranks = exchange && passes.ranks(exchange, batches.length);
    if (!ranks) this.gradientSum ??= this.space.vector();
    const total = ranks?.total ?? this.gradientSum!;
    return microBatchProblem(passes.problem, batches.length, feed, total, withParts, ranks);
  }

  /**
   * Loss and metrics in evaluation mode (running statistics) over batches of any size, at the trained weights or others. With ranks, each
   * gives every n-th batch, beginning with the one of its number, and has the figures of all.
   */
  async evaluate(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    at: WeightVectors = {},
    options: EvaluateOptions = {},
  ): Promise<Evaluation> {
    const { runtime, prepared, built, weights, target } = this.loaded;
    const { device } = this;
    this.evaluator ??= Evaluator.create(runtime, prepared, { ...this.options, device, built, target });
    const evaluator = await this.evaluator;
    return evaluator.run(batches, (name) => weights.buffer(name, at), options, this.exchange?.group);
  }

  /** What metrics are of: the kind of the targets; undefined where the loss does not say what it compares. */
  get task(): Task | undefined {
    return this.loaded.built.compared;
  }

  /**
   * BatchNorm's statistics at a point that was not trained itself, such as an average of weights (Izmailov et al. 2018): the means,
   * over batches of the training data, of the batches' means and population variances. The running statistics in training stay as
   * they are, and so does `space.gradient`.
   * @param batches full batches of the session's size
   * @returns a vector for `evaluate` and `save`, valid until the next call
   * @throws FlatminError INVALID_DATA when there is no batch, INVALID_MODEL when the model has no statistics that move
   */
  async batchNormStatistics(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    parameters: Vector,
  ): Promise<Vector> {
    const { weights, prepared, nextStatistics: updated } = this.loaded;
    const { model } = prepared;
    if (!this.hasStatistics)
      throw new FlatminError(
        'INVALID_MODEL',
        `Model "${model.graph.name}" has no running statistics that training moves: there are none to compute.`,
      );
    this.forward ??= loadForward(this.loaded);
    const graph = await this.forward;
    const inputs = new BatchInputs(graph, this.loaded.built.noise, this.seed);
    const feed = (batch: Feeds) => inputs.feed(batch, this.queued, 0);
    this.computedStatistics ??= weights.statisticsArena.vector(weights.device);
    const target = this.computedStatistics;
    await averageStatistics({ model, graph, weights, updated, feed }, batches, parameters, target);
    return target;
  }

  /** A parameter or running statistic, copied. */
  weight(name: string, at: WeightVectors = {}): Float32Array {
    return this.loaded.weights.read(name, at);
  }

  /**
   * Fills `target` with the bytes of a weight from `byteOffset` on, for a file.
   * @throws FlatminError NOT_FINITE for a NaN, and for an infinity where the model came with none
   * @internal
   */
  readFiniteBytes(name: string, target: Uint8Array, byteOffset: number): void {
    this.loaded.weights.readFiniteBytes(name, target, byteOffset);
  }

  /** Overwrites a parameter or running statistic. @throws RangeError for an unknown name or a wrong number of elements */
  setWeight(name: string, values: Float32Array): void {
    this.loaded.weights.write(name, values);
  }

  /** Names of all parameters, then of all running statistics. */
  get weightNames(): string[] {
    return this.loaded.weights.names;
  }

  /** Shape of a parameter or running statistic. */
  weightDims(name: string): readonly number[] {
    return this.loaded.weights.dims(name);
  }

  /** Whether the model has running statistics that training moves. */
  get hasStatistics(): boolean {
    return this.loaded.built.movedStatistics.length > 0;
  }

  /** What a batch must hold: the model's inputs, then those of the loss. */
  get feedInputs(): readonly FeedInput[] {
    return this.loaded.graph.inputs;
  }

  /** What has been decided about the model that the user should know, such as the logits that the loss takes behind a softmax. */
  get notes(): readonly string[] {
    const { leftOut, untied: apart } = this.loaded.prepared;
    const { split, untied, unsure } = describeDecisions(this.classified, this.splits, apart);
    const decided = [this.ownTypes, split, untied, unsure].filter((note) => note !== undefined);
    const { notes, recomputation } = this.loaded.built;
    const again = recomputation ? [describeRecomputation(recomputation)] : [];
    return [...decided, ...leftOut, ...notes, ...again];
  }

  /** What is computed again instead of being kept, where that was asked for. */
  get recomputation(): Recomputation | undefined {
    return this.loaded.built.recomputation;
  }

  /** What every initializer of the model is to training, and why. */
  get classified(): readonly Classified[] {
    return this.loaded.built.classified;
  }

  /** From each tensor that is split from one that an exporter had merged to that one of the file; both are saved. */
  get splits(): ReadonlyMap<string, string> {
    return this.loaded.prepared.splits;
  }

  /**
   * Writes the model with its trained weights and running statistics, or others: an inference model, otherwise as it was given.
   * @throws FlatminError NOT_FINITE naming a weight that is NaN or infinite, or too large for its type in the file; nothing is written
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    const { type, ...at } = { ...options, ...checked(saveOptions, options) };
    const { prepared, weights } = this.loaded;
    const model = prepared.source;
    const filled = (into: ModelProto, value: (name: string) => Float32Array) =>
      withWeights(into, prepared.origins, weights.bytes(value));
    const empty =
      type === 'float32'
        ? float32Model(filled(model, (name) => new Float32Array(elementCount(weights.dims(name)))))
        : model;
    await writeModel(inferenceModel(filled(empty, (name) => weights.readFinite(name, at))), path);
  }

  /** Where values are not float32 in the file: what becomes of them, in one sentence. */
  get ownTypes(): string | undefined {
    return describeOwnTypes(this.loaded.prepared, this.weightNames);
  }

  /** Frees all native memory. The optimizers' state of this session goes with it. */
  dispose(): void {
    const { graph, weights, nextStatistics } = this.loaded;
    for (const each of [graph, weights, this.exchange]) each?.dispose();
    for (const loading of [this.evaluator, this.forward])
      loading?.then((loaded) => loaded.dispose()).catch(() => {});
    for (const vector of [nextStatistics, this.computedStatistics, this.statisticsBefore]) vector?.dispose();
  }
}
