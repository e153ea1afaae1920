import { availableParallelism } from 'node:os';
import { FlatminError, invalid } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { flatmin, type Target } from '../lowering/targets.js';
import { copyMessage, writeModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { DataType, elementBytes, elementCount, tensorData } from '../onnx/tensor.js';
import type { Optimizer, Problem, StepReport } from '../optim/optimizer.js';
import type { DeviceBuffer, NativeBinding } from '../runtime/addon-types.js';
import { Arena } from '../runtime/arena.js';
import { openRuntime, type Runtime } from '../runtime/library.js';
import { type ParameterGroup, ParameterSpace, type Vector } from '../runtime/parameter-space.js';
import { allocate, Session } from '../runtime/session.js';
import { type BuiltGraph, buildGraph } from './build-graph.js';
import { type Evaluation, Evaluator } from './evaluator.js';
import type { Feeds } from './feeds.js';

export interface TrainingSessionOptions {
  loss: Loss;
  /** Samples in every training batch. */
  batch: number;
  /** The model's output that the loss takes; default its first. */
  output?: string;
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

interface DataInput {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
  readonly buffer: DeviceBuffer;
}

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
  private evaluator: Evaluator | undefined;
  /** Seconds spent in gradients so far, for measurements. */
  gradientSeconds = 0;

  /** The model as given, without the values of its weights: those are in the buffers. */
  private readonly model: ModelProto;

  private constructor(
    initial: ModelProto,
    private readonly built: BuiltGraph,
    private readonly session: Session,
    private readonly runtime: Runtime,
    private readonly options: Required<Pick<TrainingSessionOptions, 'loss' | 'seed' | 'threads' | 'batch'>> &
      TrainingSessionOptions,
  ) {
    this.space = new ParameterSpace(built.parameters, options.groups ?? [], options.threads);
    this.statisticsArena = new Arena(built.statistics);
    this.statistics = this.statisticsArena.vector();
    this.nextStatistics = this.statisticsArena.vector();
    this.inputs = built.dataInputs.map(({ name }) => {
      const { type, dims } = built.types.get(name)!;
      return { name, type, dims, buffer: allocate(elementCount(dims) * elementBytes(type)) };
    });
    const initialValues = new Map(initial.graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const name of this.weightNames)
      this.setWeight(name, tensorData(initialValues.get(name)!) as Float32Array);
    this.model = this.withWeights(initial, () => new Uint8Array());
  }

  /**
   * Builds the training graph of a model for one batch size and loads it.
   * @throws FlatminError when the model is invalid, an op has no gradient or the runtime refuses the graph
   */
  static async create(model: ModelProto, options: TrainingSessionOptions): Promise<TrainingSession> {
    const threads = options.threads ?? availableParallelism();
    if (!Number.isInteger(threads) || threads < 1) throw invalid('threads', 'a positive integer', threads);
    const runtime = options.runtime ?? openRuntime();
    const target = options.target ?? flatmin;
    const built = await buildGraph(runtime, model, { ...options, target });
    const session = await Session.create(runtime, built.model, {
      intraOpThreads: threads,
      kernels: target === flatmin,
      memoryPattern: false,
      // The pool of the vector operations takes over between runs.
      config: { 'session.force_spinning_stop': '1' },
      ...(options.profilePrefix && { profilePrefix: options.profilePrefix }),
    });
    return new TrainingSession(model, built, session, runtime, {
      ...options,
      seed: options.seed ?? 0,
      threads,
    });
  }

  /** Trains on one batch with an optimizer. @throws FlatminError NOT_FINITE naming the step when the loss is NaN or infinite */
  async step(batch: Feeds, optimizer: Optimizer): Promise<StepReport> {
    this.feed(batch);
    const report = await optimizer.step(this.problem());
    this.steps++;
    return report;
  }

  /** Puts a batch where the next gradients read it. */
  feed(batch: Feeds): void {
    for (const { name, dims, type, buffer } of this.inputs) {
      const data = batch[name];
      if (!data)
        throw new FlatminError(
          'INVALID_ARGUMENT',
          `The batch lacks "${name}"; the model needs ${this.inputs.map((input) => input.name).join(', ')}.`,
        );
      const expected = elementCount(dims);
      if (data.length !== expected || data.byteLength !== expected * elementBytes(type)) {
        throw new FlatminError(
          'INVALID_ARGUMENT',
          `Expected "${name}" to hold ${expected} elements of ${elementBytes(type)} bytes (shape [${dims}]), but received ${data.constructor.name} of ${data.length}.`,
        );
      }
      buffer.write(data);
    }
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

  private async gradient(statistics: 'update' | 'keep', at: Vector): Promise<number> {
    const start = performance.now();
    await this.bindingAt(at).run();
    this.gradientSeconds += (performance.now() - start) / 1000;
    const loss = new Float32Array(1);
    this.lossBuffer.read(loss);
    if (!Number.isFinite(loss[0]!)) {
      throw new FlatminError(
        'NOT_FINITE',
        `The loss is ${loss[0]} at step ${this.steps + 1}: lower the learning rate or check the data.`,
      );
    }
    if (statistics === 'update') this.commitStatistics();
    return loss[0]!;
  }

  /** Running statistics are written beside the old ones, so a pass that fails leaves them whole. */
  private commitStatistics(): void {
    const values = new Uint8Array(this.statistics.byteLength);
    this.nextStatistics.read(values);
    this.statistics.write(values);
  }

  /** Loss and accuracy in evaluation mode (running statistics) over batches of any size. */
  async evaluate(batches: AsyncIterable<Feeds> | Iterable<Feeds>): Promise<Evaluation> {
    this.evaluator ??= await Evaluator.create(this.runtime, this.model, {
      loss: this.options.loss,
      output: this.options.output,
      threads: this.options.threads,
      weights: (name) => this.weightBuffer(name),
    });
    return this.evaluator.run(batches);
  }

  /** A parameter or running statistic, copied. */
  weight(name: string): Float32Array {
    const [arena, vector] = this.locate(name);
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

  /** Shape of a parameter or running statistic. */
  weightDims(name: string): readonly number[] {
    return this.locate(name)[0].segment(name).dims;
  }

  private locate(name: string): [Arena, Vector] {
    return this.built.parameters.some((weight) => weight.name === name)
      ? [this.space.arena, this.space.parameters]
      : [this.statisticsArena, this.statistics];
  }

  private weightBuffer(name: string): DeviceBuffer {
    const [arena, vector] = this.locate(name);
    return arena.view(vector, name);
  }

  /** Writes the model with its trained weights and running statistics: an inference model, otherwise as it was given. */
  async save(path: string): Promise<void> {
    await writeModel(
      this.withWeights(this.model, (name) => new Uint8Array(this.weight(name).buffer)),
      path,
    );
  }

  /** A copy of a model with other bytes in its parameters and running statistics. */
  private withWeights(model: ModelProto, bytes: (name: string) => Uint8Array): ModelProto {
    const names = new Set(this.weightNames);
    const initializer = model.graph.initializer.map((tensor) =>
      names.has(tensor.name!)
        ? Object.assign(copyMessage(tensor), { rawData: bytes(tensor.name!), floatData: [] })
        : tensor,
    );
    const graph = Object.assign(copyMessage(model.graph), { initializer });
    return Object.assign(copyMessage(model), { graph });
  }

  /** Frees all native memory. The optimizers' state of this session goes with it. */
  dispose(): void {
    for (const binding of this.bindings.values()) binding.dispose();
    if (this.options.profilePrefix) this.session.endProfiling();
    this.session.dispose();
    this.evaluator?.dispose();
    this.space.dispose();
    for (const buffer of [this.statistics, this.nextStatistics, this.lossBuffer]) buffer.dispose();
    for (const { buffer } of this.inputs) buffer.dispose();
  }

  private bindingAt(point: Vector): NativeBinding {
    const binding = this.bindings.get(point) ?? this.bind(point);
    this.bindings.set(point, binding);
    return binding;
  }

  private bind(point: Vector): NativeBinding {
    const binding = this.session.createBinding();
    for (const { name, buffer, type, dims } of this.inputs) binding.bindInput(name, buffer, type, dims);
    for (const { name, dims, output } of this.built.parameters) {
      binding.bindInput(name, this.space.arena.view(point, name), DataType.float, dims);
      binding.bindOutput(output, this.space.arena.view(this.space.gradient, name), DataType.float, dims);
    }
    for (const { name, dims, output } of this.built.statistics) {
      binding.bindInput(name, this.statisticsArena.view(this.statistics, name), DataType.float, dims);
      binding.bindOutput(output, this.statisticsArena.view(this.nextStatistics, name), DataType.float, dims);
    }
    binding.bindOutput(this.built.loss, this.lossBuffer, DataType.float, []);
    return binding;
  }
}
