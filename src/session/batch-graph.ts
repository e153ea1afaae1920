import type { DeviceBuffer, NativeBinding } from '../addon/types.js';
import { capabilitiesOf } from '../capabilities/capabilities-of.js';
import { cpuOnlyNodes } from '../capabilities/cpu-only-nodes.js';
import { activationBytes } from '../compile/activation-memory.js';
import type { BuiltGraph } from '../compile/build-graph.js';
import type { HessianGraph } from '../compile/hessian-graph.js';
import { FlatminError } from '../errors.js';
import type { Target } from '../lowering/targets.js';
import { isHalfPrecision } from '../onnx/tensors/floats.js';
import { DataType, elementBytes, elementCount } from '../onnx/tensors/tensor.js';
import type { Runtime } from '../ort/library.js';
import { runBinding } from '../ort/session.js';
import type { Device } from '../vectors/device/device.js';
import type { Vector } from '../vectors/parameter-space.js';
import { Scalar } from '../vectors/scalar.js';
import { checkedFeed, type FeedInput } from './feed/check-feed.js';
import type { Feeds } from './feed/feeds.js';
import { causedByNotFinite } from './finite/caused-by-not-finite.js';
import { type BatchMemory, withBatchAdvice } from './fitting-batch.js';
import { type LoadedSession, loadOn } from './load-model.js';
import type { ModelWeights } from './model-weights.js';
import { runConfigOn } from './provider.js';

export interface BatchGraphOptions {
  runtime: Runtime;
  target: Target;
  /** Samples of a batch, for advice when memory is short. */
  batch?: number | undefined;
  /** Writes a profile of ONNX Runtime's kernels to PREFIX_<date>.json when the graph is disposed. */
  profilePrefix?: string | undefined;
}

/** What a graph reads and writes beside weights and gradients. */
export interface GraphVectors {
  /** v of a Hessian-vector product. */
  readonly direction?: Vector;
  /** Takes Hv, instead of the gradient in `space.gradient`. */
  readonly product?: Vector;
  /** Takes the new running statistics, where the graph has them as outputs. */
  readonly nextStatistics?: Vector;
}

interface Input {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
  readonly buffer: DeviceBuffer;
}

/**
 * A training graph of one batch size, loaded, on the buffers of a model's weights. It writes the outputs that the graph has: gradients
 * into `space.gradient`, products and running statistics into the vectors given.
 */
export class BatchGraph {
  private readonly data: readonly (Input & FeedInput)[];
  private readonly scalars: readonly Input[];
  private readonly lossBuffer: DeviceBuffer;
  private readonly outputs: ReadonlySet<string>;
  /** One for each pair of vectors that the graph has been run at: parameters, statistics. */
  private readonly bindings = new Map<Vector, Map<Vector, NativeBinding>>();
  private bound = 0;

  private constructor(
    private readonly built: BuiltGraph | HessianGraph,
    private loaded: LoadedSession,
    private readonly weights: ModelWeights,
    private readonly vectors: GraphVectors,
    private readonly options: BatchGraphOptions,
    private readonly memory: BatchMemory,
  ) {
    const { device } = weights;
    const allocate = (type: number, dims: readonly number[]) =>
      device.allocate(elementCount(dims) * elementBytes(type));
    this.data = built.dataInputs.map(({ name }) => {
      const { type, dims } = built.types.get(name)!;
      const read = built.lossInputs.find((each) => each.name === name);
      const fixedBatch = read && built.fixedBatch;
      const { labels, lengths } = read ?? {};
      return { name, type, dims, labels, lengths, fixedBatch, buffer: allocate(type, dims) };
    });
    this.scalars = [...built.noise, ...(built.lossScale ? [{ name: built.lossScale, dims: [] }] : [])].map(
      ({ name, dims }) => ({ name, type: DataType.float, dims, buffer: allocate(DataType.float, dims) }),
    );
    this.lossBuffer = device.allocate(4);
    this.outputs = new Set(built.model.graph.output.map(({ name }) => name));
  }

  /** @throws FlatminError RUNTIME when the runtime refuses the graph, OUT_OF_MEMORY */
  static async load(
    built: BuiltGraph | HessianGraph,
    weights: ModelWeights,
    options: BatchGraphOptions,
    vectors: GraphVectors = {},
  ): Promise<BatchGraph> {
    const capture = await canCapture(built, weights.device, options.runtime);
    const memory = {
      batch: options.batch,
      activationBytes: activationBytes(built),
      freeBytes: weights.device.memory().free,
    };
    let loaded: LoadedSession | undefined;
    try {
      if (memory.activationBytes > memory.freeBytes)
        throw new FlatminError(
          'OUT_OF_MEMORY',
          'The memory does not suffice for the training graph (what may be taken is --memory).',
        );
      loaded = await load(built, weights, options, capture);
      return new BatchGraph(built, loaded, weights, vectors, options, memory);
    } catch (error) {
      loaded?.session.dispose();
      throw withBatchAdvice(error, weights.device, memory);
    }
  }

  /** What a batch must hold: the model's inputs, then those of the loss. */
  get inputs(): readonly FeedInput[] {
    return this.data;
  }

  /**
   * Puts a batch where the next runs read it.
   * @throws FlatminError INVALID_ARGUMENT naming an array that is missing or does not fit, or a label out of range
   */
  async feed(batch: Feeds): Promise<void> {
    const arrays = this.data.map((input) => checkedFeed(input, batch, this.data));
    for (const [index, { buffer }] of this.data.entries())
      await this.weights.device.upload(buffer, arrays[index]!);
  }

  /** Fills an input that no batch fills: noise, or the loss scale. */
  async fill(name: string, values: Float32Array): Promise<void> {
    const { buffer } = this.scalars.find((input) => input.name === name)!;
    await this.weights.device.upload(buffer, values);
  }

  /**
   * Runs the graph with the parameters at a point.
   * @param statistics running statistics to read; default those of the weights
   * @returns the loss, which may be NaN or infinite; NaN too where a kernel refused what a NaN or an infinity led to
   * @throws FlatminError RUNTIME; OUT_OF_MEMORY with the batch size that might fit
   */
  async run(at: Vector, statistics = this.weights.statistics): Promise<Scalar> {
    try {
      await this.runAt(at, statistics);
    } catch (error) {
      const floats = this.data.filter(({ type }) => type === DataType.float).map(({ buffer }) => buffer);
      if (causedByNotFinite(error, this.weights, { parameters: at, statistics }, floats))
        return Scalar.of(Number.NaN);
      throw withBatchAdvice(error, this.weights.device, this.memory);
    }
    return this.weights.device.element(this.lossBuffer);
  }

  /** Forgets a vector of running statistics that runs have read. */
  release(statistics: Vector): void {
    for (const bindings of this.bindings.values()) {
      bindings.get(statistics)?.dispose();
      bindings.delete(statistics);
    }
  }

  /** Frees the session and the batch; the weights stay. */
  dispose(): void {
    this.unload();
    this.lossBuffer.dispose();
    for (const { buffer } of [...this.data, ...this.scalars]) buffer.dispose();
  }

  private async runAt(point: Vector, statistics: Vector): Promise<void> {
    try {
      await runBinding(this.bindingAt(point, statistics));
    } catch (error) {
      if (!this.loaded.isCaptured || (error as FlatminError).code === 'OUT_OF_MEMORY') throw error;
      // What cannot be captured when it runs is run without: nothing has been written in place.
      this.unload();
      this.loaded = await load(this.built, this.weights, this.options, false);
      await runBinding(this.bindingAt(point, statistics));
    }
  }

  private unload(): void {
    for (const bindings of this.bindings.values()) for (const binding of bindings.values()) binding.dispose();
    this.bindings.clear();
    const { session } = this.loaded;
    if (this.options.profilePrefix) session.endProfiling();
    session.dispose();
  }

  private bindingAt(point: Vector, statistics: Vector): NativeBinding {
    const bindings = this.bindings.get(point) ?? new Map<Vector, NativeBinding>();
    const binding = bindings.get(statistics) ?? this.bind(point, statistics);
    this.bindings.set(point, bindings.set(statistics, binding));
    return binding;
  }

  private bind(point: Vector, statistics: Vector): NativeBinding {
    const { space, statisticsArena, device } = this.weights;
    const { direction, product = space.gradient, nextStatistics } = this.vectors;
    const { session, isCaptured } = this.loaded;
    const binding = session.createBinding({
      ...runConfigOn(device),
      // Each binding's run is captured on its own.
      ...(isCaptured && { gpu_graph_id: String(++this.bound) }),
    });
    const bindOutput = (name: string, buffer: DeviceBuffer, dims: readonly number[]) => {
      if (this.outputs.has(name)) binding.bindOutput(name, buffer, DataType.float, dims);
    };
    for (const { name, buffer, type, dims } of [...this.data, ...this.scalars])
      binding.bindInput(name, buffer, type, dims);
    for (const parameter of this.built.parameters) {
      const { name, dims, output } = parameter;
      const view = (vector: Vector) => space.arena.view(vector, name);
      binding.bindInput(name, view(point), DataType.float, dims);
      if (direction && 'direction' in parameter)
        binding.bindInput(parameter.direction, view(direction), DataType.float, dims);
      bindOutput(output, view(product), dims);
    }
    const statisticView = (vector: Vector, name: string) => statisticsArena.view(vector, name);
    for (const { name, dims } of this.built.statistics)
      binding.bindInput(name, statisticView(statistics, name), DataType.float, dims);
    if (nextStatistics)
      for (const { name, dims, output } of this.built.movedStatistics)
        bindOutput(output, statisticView(nextStatistics, name), dims);
    bindOutput(this.built.loss, this.lossBuffer, []);
    return binding;
  }
}

/** Whether nothing in a graph is known to wait for the device, or to run beside it. */
async function canCapture(
  { model, types }: BuiltGraph | HessianGraph,
  device: Device,
  runtime: Runtime,
): Promise<boolean> {
  if (!device.facts.capturesRuns) return false;
  return cpuOnlyNodes(model.graph, types, await capabilitiesOf(runtime, device.name)).length === 0;
}

const load = (
  built: BuiltGraph | HessianGraph,
  { device }: ModelWeights,
  { runtime, target, profilePrefix }: BatchGraphOptions,
  capture: boolean,
): Promise<LoadedSession> =>
  loadOn(device, runtime, built.model, {
    kernels: target.kernels,
    memoryPattern: false,
    capture,
    halfPrecision: [...built.types.values()].some(({ type }) => isHalfPrecision(type)),
    ...(profilePrefix && { profilePrefix }),
  });
