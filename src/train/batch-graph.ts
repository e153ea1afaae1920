import { flatmin, type Target } from '../lowering/targets.js';
import { DataType, elementBytes, elementCount } from '../onnx/tensor.js';
import type { DeviceBuffer, NativeBinding } from '../runtime/addon-types.js';
import type { Runtime } from '../runtime/library.js';
import type { Vector } from '../runtime/parameter-space.js';
import { allocate, runBinding, Session } from '../runtime/session.js';
import type { BuiltGraph } from './build-graph.js';
import { checkedFeed, type FeedInput } from './check-feed.js';
import type { Feeds } from './feeds.js';
import type { HessianGraph } from './hessian-graph.js';
import type { ModelWeights } from './model-weights.js';

export interface BatchGraphOptions {
  runtime: Runtime;
  target: Target;
  threads: number;
}

/** The vectors of a Hessian-vector product: v, which a graph of them reads, and Hv, which it writes. */
export interface ProductVectors {
  readonly direction: Vector;
  readonly product: Vector;
}

interface DataInput extends FeedInput {
  readonly buffer: DeviceBuffer;
}

/**
 * A training graph of one batch size, loaded, on the buffers of a model's weights. It writes the gradient into `space.gradient` where
 * the graph has it as outputs; a graph of Hessian-vector products writes those elsewhere. It has no outputs for running statistics: those never move.
 */
export class BatchGraph {
  private readonly inputs: readonly DataInput[];
  private readonly lossBuffer = allocate(4);
  private readonly outputs: ReadonlySet<string>;
  /** One for each vector that the graph has been run at. */
  private readonly bindings = new Map<Vector, NativeBinding>();

  private constructor(
    private readonly built: BuiltGraph | HessianGraph,
    private readonly session: Session,
    private readonly weights: ModelWeights,
    private readonly vectors: ProductVectors | undefined,
  ) {
    this.inputs = built.dataInputs.map(({ name }) => {
      const { type, dims } = built.types.get(name)!;
      const labels = built.lossTargets.find((target) => target.name === name)?.labels;
      return { name, type, dims, labels, buffer: allocate(elementCount(dims) * elementBytes(type)) };
    });
    this.outputs = new Set(built.model.graph.output.map(({ name }) => name));
  }

  /** @throws FlatminError RUNTIME when the runtime refuses the graph */
  static async load(
    built: BuiltGraph | HessianGraph,
    weights: ModelWeights,
    { runtime, target, threads }: BatchGraphOptions,
    vectors?: ProductVectors,
  ): Promise<BatchGraph> {
    const session = await Session.create(runtime, built.model, {
      intraOpThreads: threads,
      kernels: target === flatmin,
      memoryPattern: false,
      // The pool of the vector operations takes over between runs.
      config: { 'session.force_spinning_stop': '1' },
    });
    return new BatchGraph(built, session, weights, vectors);
  }

  /**
   * Puts a batch where the next runs read it.
   * @throws FlatminError INVALID_ARGUMENT naming an array that is missing or does not fit, or a label out of range
   */
  feed(batch: Feeds): void {
    const data = this.inputs.map((input) => checkedFeed(input, batch, this.inputs));
    for (const [index, { buffer }] of this.inputs.entries()) buffer.write(data[index]!);
  }

  /** Runs the graph with the parameters at a point. @returns the loss, which may be NaN or infinite */
  async run(at: Vector): Promise<number> {
    await runBinding(this.bindingAt(at));
    const loss = new Float32Array(1);
    this.lossBuffer.read(loss);
    return loss[0]!;
  }

  /** Frees the session and the batch; the weights stay. */
  dispose(): void {
    for (const binding of this.bindings.values()) binding.dispose();
    this.session.dispose();
    this.lossBuffer.dispose();
    for (const { buffer } of this.inputs) buffer.dispose();
  }

  private bindingAt(point: Vector): NativeBinding {
    const binding = this.bindings.get(point) ?? this.bind(point);
    this.bindings.set(point, binding);
    return binding;
  }

  private bind(point: Vector): NativeBinding {
    const { space, statisticsArena, statistics } = this.weights;
    const binding = this.session.createBinding();
    const bindOutput = (name: string, buffer: DeviceBuffer, dims: readonly number[]) => {
      if (this.outputs.has(name)) binding.bindOutput(name, buffer, DataType.float, dims);
    };
    for (const { name, buffer, type, dims } of this.inputs) binding.bindInput(name, buffer, type, dims);
    for (const parameter of this.built.parameters) {
      const { name, dims, output } = parameter;
      const view = (vector: Vector) => space.arena.view(vector, name);
      binding.bindInput(name, view(point), DataType.float, dims);
      if (this.vectors && 'direction' in parameter)
        binding.bindInput(parameter.direction, view(this.vectors.direction), DataType.float, dims);
      bindOutput(output, view(this.vectors?.product ?? space.gradient), dims);
    }
    for (const { name, dims } of this.built.runningStatistics)
      binding.bindInput(name, statisticsArena.view(statistics, name), DataType.float, dims);
    bindOutput(this.built.loss, this.lossBuffer, []);
    return binding;
  }
}
