import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { separate } from '../autodiff/separate.js';
import type { Loss } from '../losses/loss.js';
import type { ModelProto } from '../onnx/proto.js';
import { tensorData } from '../onnx/tensor.js';
import type { DeviceBuffer } from '../runtime/addon-types.js';
import { Arena } from '../runtime/arena.js';
import { type ParameterGroup, ParameterSpace, type Vector } from '../runtime/parameter-space.js';
import { asPrepared, withLoss } from './loss-model.js';

export interface ModelWeightsOptions {
  /** Only parameters that reach this loss count; default: those that reach any output. */
  loss?: Loss | undefined;
  /** The model's output that the loss takes; default its first. */
  output?: string | undefined;
  groups?: readonly ParameterGroup[] | undefined;
  /** Threads of vector operations. */
  threads: number;
}

/** The trainable parameters and running statistics of a model, in buffers that any number of sessions can share. */
export class ModelWeights {
  readonly space: ParameterSpace;
  readonly statisticsArena: Arena;
  readonly statistics: Vector;
  private readonly parameterNames: ReadonlySet<string>;

  /**
   * Takes the values that the model has as initializers.
   * @throws FlatminError INVALID_MODEL when the model is broken or has nothing to train
   */
  constructor(given: ModelProto | PreparedModel, options: ModelWeightsOptions) {
    const { loss, output, groups = [], threads } = options;
    const prepared = asPrepared(given);
    const { model, origins } = prepared;
    const { parameters, statistics } = loss
      ? withLoss(prepared, loss, { output }).separated
      : separate(model, { origins });
    this.space = new ParameterSpace(parameters, groups, threads);
    this.statisticsArena = new Arena(statistics);
    this.statistics = this.statisticsArena.vector();
    this.parameterNames = new Set(parameters.map(({ name }) => name));
    const initial = new Map(model.graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const name of this.names) this.write(name, tensorData(initial.get(name)!) as Float32Array);
  }

  /** Names of all parameters, then of all running statistics. */
  get names(): string[] {
    return [...this.space.arena.segments, ...this.statisticsArena.segments].map(({ name }) => name);
  }

  dims(name: string): readonly number[] {
    return this.locate(name)[0].segment(name).dims;
  }

  /** A parameter or running statistic, copied. */
  read(name: string): Float32Array {
    const [arena, vector] = this.locate(name);
    return arena.read(vector, name);
  }

  write(name: string, values: Float32Array): void {
    const [arena, vector] = this.locate(name);
    arena.write(vector, name, values);
  }

  buffer(name: string): DeviceBuffer {
    const [arena, vector] = this.locate(name);
    return arena.view(vector, name);
  }

  private locate(name: string): [Arena, Vector] {
    return this.parameterNames.has(name)
      ? [this.space.arena, this.space.parameters]
      : [this.statisticsArena, this.statistics];
  }

  dispose(): void {
    this.space.dispose();
    this.statistics.dispose();
  }
}
