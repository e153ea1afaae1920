import type { DeviceBuffer } from '../addon/types.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { separate, type Weight } from '../autodiff/separate.js';
import { asPrepared } from '../compile/loss-model.js';
import type { WeightBytes } from '../compile/put-weights.js';
import { FlatminError } from '../errors.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import { elementCount, tensorData } from '../onnx/tensors/tensor.js';
import { Arena } from '../vectors/arena.js';
import type { Device } from '../vectors/device/device.js';
import { type ParameterGroup, ParameterSpace, type Vector } from '../vectors/parameter-space.js';
import { asFloats, checkedFinite } from './finite/checked-finite.js';
import { gib } from './fitting-batch.js';

/** Vectors to take a model's weights from: an average of the parameters, running statistics computed for it. */
export interface WeightVectors {
  /** Default: the parameters in training. */
  parameters?: Vector | undefined;
  /** Default: the running statistics in training. */
  statistics?: Vector | undefined;
}

export interface WeightLayout {
  readonly parameters: readonly Weight[];
  /** Running statistics. */
  readonly statistics: readonly Weight[];
}

export interface ModelWeightsOptions {
  groups?: readonly ParameterGroup[] | undefined;
  device: Device;
}

/** The trainable parameters and running statistics of a model, in buffers of a device that any number of sessions can share. */
export class ModelWeights {
  readonly device: Device;
  readonly space: ParameterSpace;
  readonly statisticsArena: Arena;
  readonly statistics: Vector;
  private readonly parameterNames: ReadonlySet<string>;
  /** Those that came with infinities, as of masked rows: they may keep them. */
  readonly cameInfinite: ReadonlySet<string>;

  /** @param initializers take the values from here */
  constructor(
    { parameters, statistics }: WeightLayout,
    initializers: Graph['initializer'],
    { groups = [], device }: ModelWeightsOptions,
  ) {
    this.device = device;
    assertRoom(parameters, statistics, device);
    this.space = new ParameterSpace(parameters, groups, device);
    this.statisticsArena = new Arena(statistics);
    this.statistics = this.statisticsArena.vector(device);
    this.parameterNames = new Set(parameters.map(({ name }) => name));
    const initial = new Map(initializers.map((tensor) => [tensor.name, tensor]));
    const infinite = new Set<string>();
    for (const name of this.names) {
      const values = tensorData(initial.get(name)!) as Float32Array;
      if (values.some((value) => Math.abs(value) === Infinity)) infinite.add(name);
      this.write(name, values);
    }
    this.cameInfinite = infinite;
  }

  /** The weights of a model that reach any of its outputs. @throws FlatminError INVALID_MODEL when it is broken or has nothing to train */
  static of(given: ModelProto | PreparedModel, options: ModelWeightsOptions): ModelWeights {
    const { model, roles } = asPrepared(given);
    return new ModelWeights(separate(model, { roles }), model.graph.initializer, options);
  }

  /** Names of all parameters, then of all running statistics. */
  get names(): string[] {
    return [...this.space.arena.segments, ...this.statisticsArena.segments].map(({ name }) => name);
  }

  dims(name: string): readonly number[] {
    return this.locate(name)[0].segment(name).dims;
  }

  /** A parameter or running statistic, copied. */
  read(name: string, at: WeightVectors = {}): Float32Array {
    const [arena, vector] = this.locate(name, at);
    return arena.read(vector, name);
  }

  /** The same for a file. @throws FlatminError NOT_FINITE for a NaN, and for an infinity where the weight came with none */
  readFinite(name: string, at: WeightVectors = {}): Float32Array {
    return checkedFinite(name, this.read(name, at), this.cameInfinite.has(name));
  }

  /** Fills `target` with the bytes of a weight from `byteOffset` on. @throws FlatminError NOT_FINITE as readFinite */
  readFiniteBytes(name: string, target: Uint8Array, byteOffset: number): void {
    const [arena, vector] = this.locate(name);
    arena.readBytes(vector, name, target, byteOffset);
    checkedFinite(name, asFloats(target), this.cameInfinite.has(name));
  }

  write(name: string, values: Float32Array): void {
    const [arena, vector] = this.locate(name);
    arena.write(vector, name, values);
  }

  /** The shapes of all weights, and bytes of their values. */
  bytes(values: (name: string) => Float32Array): Map<string, WeightBytes> {
    return new Map(
      this.names.map((name) => [name, { dims: this.dims(name), bytes: new Uint8Array(values(name).buffer) }]),
    );
  }

  buffer(name: string, at: WeightVectors = {}): DeviceBuffer {
    const [arena, vector] = this.locate(name, at);
    return arena.view(vector, name);
  }

  private locate(name: string, at: WeightVectors = {}): [Arena, Vector] {
    return this.parameterNames.has(name)
      ? [this.space.arena, at.parameters ?? this.space.parameters]
      : [this.statisticsArena, at.statistics ?? this.statistics];
  }

  dispose(): void {
    this.space.dispose();
    this.statistics.dispose();
  }
}

/** @throws FlatminError OUT_OF_MEMORY where parameters, their gradient and statistics do not fit, before anything is allocated */
function assertRoom(parameters: readonly Weight[], statistics: readonly Weight[], device: Device): void {
  const numbers = (weights: readonly Weight[]) =>
    weights.reduce((sum, { dims }) => sum + elementCount(dims), 0);
  const bytes = 4 * (2 * numbers(parameters) + numbers(statistics));
  const { free, total } = device.memory();
  if (bytes > free)
    throw new FlatminError(
      'OUT_OF_MEMORY',
      `The model's ${numbers(parameters)} parameters and their gradient take ${gib(bytes)}, and ${gib(free)} of ${gib(total)} are free on ${device.name}.`,
    );
}
