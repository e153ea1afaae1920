import type { DeviceBuffer, NativeBinding } from '../addon/types.js';
import { innerValues, noOutput } from '../autodiff/prepare/chosen-output.js';
import { blameFixedBatch, describeFixedBatch } from '../autodiff/prepare/fixed-batch.js';
import { constantData } from '../autodiff/prepare/fixed-inputs.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { trainingModel } from '../autodiff/training-graph.js';
import {
  type EvaluationModel,
  type EvaluationModelOptions,
  evaluationModel,
} from '../compile/evaluation-model.js';
import { neededNodes } from '../compile/needed-nodes.js';
import { sizedModel } from '../compile/sized-model.js';
import { FlatminError } from '../errors.js';
import type { Communicator } from '../group/communicator.js';
import { inTurn } from '../group/tell.js';
import type { Compared } from '../losses/compared.js';
import type { Target } from '../lowering/targets.js';
import type { ClassDetails } from '../metrics/classes/details.js';
import type { ClassBatch } from '../metrics/metric.js';
import { type AnyBatch, MetricSet } from '../metrics/metric-set.js';
import { classRows } from '../metrics/toolkit/class-rows.js';
import { ownEntry } from '../onnx/own-entry.js';
import type { ModelProto, ValueInfo } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
import { DataType, elementBytes, type TensorData, viewBytes } from '../onnx/tensors/tensor.js';
import type { Runtime } from '../ort/library.js';
import { allocate, runBinding, type Session } from '../ort/session.js';
import type { Device } from '../vectors/device/device.js';
import { checkLabels } from './feed/check-feed.js';
import { checkLengths } from './feed/check-lengths.js';
import type { Feeds } from './feed/feeds.js';
import { loadOn } from './load-model.js';
import { metricBatch } from './metric-batch.js';

/** How a model does on samples, in evaluation mode. */
export interface Evaluation {
  /** Mean loss a sample; with a label that is ignored, a label that is not. */
  readonly loss: number;
  /** Share of labels (of samples, pixels or tokens) with the largest score; undefined when the targets are not class labels. */
  readonly accuracy: number | undefined;
  /** Those of the task, by name: docs/metrics.md. What nothing counted for is absent. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Figures of each class and the confusion matrix, where they were asked for and the targets are class labels. */
  readonly details?: ClassDetails | undefined;
  /** How many there were. */
  readonly samples: number;
}

/** What an evaluation has beyond what its task has anyway. */
export interface EvaluateOptions {
  /** The name of a metric beyond the task's own: docs/metrics.md. */
  metric?: string | undefined;
  /** Whether to keep figures of each class. Default false. */
  details?: boolean | undefined;
}

/** What a model makes of one batch. */
export interface BatchResult {
  readonly size: number;
  /** Mean over the batch. */
  readonly loss: number;
  /** Scores and targets; undefined where the loss does not say what it compares. */
  readonly compared: AnyBatch | undefined;
  /** Further values that were asked for, by name. */
  readonly values: Readonly<Record<string, BatchValue>>;
}

/** A value of the graph for a batch. */
export interface BatchValue {
  readonly dims: readonly number[];
  readonly data: TensorData;
}

interface EvaluatorOptions extends EvaluationModelOptions {
  /** Values of the model, by name, that each batch's result has too. */
  values?: readonly string[] | undefined;
  device: Device;
  target: Target;
}

/** An array for an input of the graph. */
interface Given {
  readonly name: string;
  readonly data: TensorData;
  readonly elemType: number;
  readonly dims: readonly number[];
}

type Fetched = ReturnType<NativeBinding['fetch']>[number];

/** Buffer of a parameter or running statistic. */
type Weights = (name: string) => DeviceBuffer;

/**
 * The forward model with its loss, in evaluation mode, on the buffers of a training session; any batch size. Batches of the session's own
 * sizes run on the target's kernels, as in training.
 */
export class Evaluator {
  private readonly sessions = new Map<number, Promise<Session>>();
  /** For batches of the training graph's sizes. */
  private sized: Promise<Session> | undefined;

  private constructor(
    private readonly ends: EvaluationModel,
    private readonly forward: ModelProto,
    private readonly runtime: Runtime,
    private readonly options: EvaluatorOptions,
  ) {}

  /** Sessions are loaded when they are first needed. */
  static async create(
    runtime: Runtime,
    prepared: PreparedModel,
    options: EvaluatorOptions,
  ): Promise<Evaluator> {
    const ends = await evaluationModel(runtime, prepared, options);
    const { graph } = ends.separated;
    const values = options.values ?? [];
    for (const name of values)
      if (!graph.node.some((each) => each.output.includes(name)))
        throw noOutput(prepared.model.graph, name, [...innerValues(prepared.model.graph)]);
    const outputs = [...new Set([ends.loss, ...(ends.compared ? [ends.compared.scores] : []), ...values])];
    const node = neededNodes(graph.node, outputs);
    const output = outputs.map((name) => ({ name }));
    const forward = trainingModel(
      { ...graph, name: `${graph.name}-evaluation`, node, output },
      new Map(),
      prepared.model.opsetImport,
    );
    return new Evaluator(ends, forward, runtime, options);
  }

  /** One for batches as in training; for others one for all, or one for each size where a new shape is planned anew. */
  private session(inputs: readonly Given[], size: number): Promise<Session> {
    const { device, target, built } = this.options;
    const isTrained = ({ name, dims }: Given) => {
      const trained = built.types.get(name)?.dims;
      return trained?.length === dims.length && trained.every((count, axis) => count === dims[axis]);
    };
    if (target.kernels && inputs.every(isTrained)) {
      this.sized ??= this.loadSized(new Map(inputs.map(({ name, dims }) => [name, dims])));
      return this.sized;
    }
    const key = device.facts.replansOnNewShape ? size : 0;
    const loaded =
      this.sessions.get(key) ?? loadOn(device, this.runtime, this.forward).then(({ session }) => session);
    this.sessions.set(key, loaded);
    return loaded;
  }

  private async loadSized(sizes: ReadonlyMap<string, readonly number[]>): Promise<Session> {
    const { device, target } = this.options;
    const model = await sizedModel(this.runtime, this.forward, sizes, target);
    return (await loadOn(device, this.runtime, model, { kernels: target.kernels })).session;
  }

  /** What the loss compares; undefined where it does not say. */
  get compared(): Compared | undefined {
    return this.ends.compared;
  }

  async run(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    weights: Weights,
    { metric, details }: EvaluateOptions = {},
    group?: Communicator,
  ): Promise<Evaluation> {
    const set = new MetricSet(this.compared, { also: metric, details });
    let [samples, loss, all] = [0, 0, 0];
    const own = this.results(batches, weights);
    for await (const result of group && group.size > 1 ? inTurn(group, own) : own) {
      const weight = this.weightOf(result);
      if (weight > 0) loss += result.loss * weight;
      all += weight;
      samples += result.size;
      if (result.compared) set.add(result.compared);
    }
    if (samples === 0)
      throw new FlatminError('INVALID_DATA', 'There is nothing to evaluate: the data hold no sample.');
    const [metrics, ofClasses] = [set.values(), set.details()];
    return {
      loss: loss / all,
      accuracy: metrics.accuracy,
      metrics,
      samples,
      ...(ofClasses && { details: ofClasses }),
    };
  }

  private async *results(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    weights: Weights,
  ): AsyncGenerator<BatchResult> {
    for await (const batch of batches) yield await this.runBatch(batch, weights);
  }

  /** What the mean loss of a batch counts: its samples, or labels where some are ignored, or the weights of their classes. */
  private weightOf({ size, compared: batch }: BatchResult): number {
    const { compared, lossInputs } = this.ends;
    if (compared?.kind !== 'classes' || compared.areShares || lossInputs.length !== 1) return size;
    const { ignoreIndex, weights } = compared;
    if (weights)
      return classRows(batch as ClassBatch).labels.reduce((sum, label) => sum + weights[label]!, 0);
    return ignoreIndex === undefined ? size : classRows(batch as ClassBatch).labels.length;
  }

  /** The loss and the scores of one batch. */
  async runBatch(batch: Feeds, weights: Weights): Promise<BatchResult> {
    const { inputs, size } = this.arrays(batch);
    const { separated, compared } = this.ends;
    const binding = (await this.session(inputs, size)).createBinding();
    const buffers: DeviceBuffer[] = [];
    try {
      for (const { name, data, elemType, dims } of inputs) {
        const buffer = allocate(data.length * elementBytes(elemType));
        buffers.push(buffer);
        buffer.write(data);
        binding.bindInput(name, buffer, elemType, dims);
      }
      for (const { name, dims } of [...separated.parameters, ...separated.statistics]) {
        binding.bindInput(name, weights(name), DataType.float, dims);
      }
      for (const { name } of this.forward.graph.output) binding.bindOutput(name);
      await runBinding(binding).catch((error) => {
        throw blameFixedBatch(error, describeFixedBatch(separated.graph, size));
      });
      const fetched = new Map(binding.fetch().map((value) => [value.name, value]));
      const scores = compared && fetched.get(compared.scores)!;
      const values = (this.options.values ?? []).map(
        (name) => [name, batchValue(fetched.get(name)!)] as const,
      );
      return {
        size,
        loss: floats(fetched.get(this.ends.loss)!)[0]!,
        compared: compared && metricBatch(compared, batch, floats(scores!), dimsOfFetched(scores!)),
        values: Object.fromEntries(values),
      };
    } finally {
      binding.dispose();
      for (const buffer of buffers) buffer.dispose();
    }
  }

  /** What the inputs of the graph are fed, and the size of the batch. */
  private arrays(batch: Feeds): {
    inputs: Given[];
    size: number;
  } {
    const { separated, lossInputs, constants, following } = this.ends;
    const sizes = new Map<string, number>();
    const follow = (symbol: number | string) => {
      const size = typeof symbol === 'string' ? following.get(symbol) : undefined;
      const batch = size && sizes.get(size.batch);
      if (batch !== undefined) sizes.set(symbol as string, size!.each * batch + size!.fixed);
    };
    const isConstant = ({ name }: ValueInfo) => Object.hasOwn(constants, name);
    const typeOf = ({ type }: ValueInfo) => type?.tensorType?.elemType ?? DataType.float;
    const fed = separated.dataInputs.filter((info) => !isConstant(info));
    const given = fed.map((info) => {
      const { name } = info;
      const data = ownEntry(batch, name);
      if (!data) throw new FlatminError('INVALID_ARGUMENT', `The batch lacks "${name}".`);
      const stated = dimsOf(info) ?? [];
      stated.forEach(follow);
      const lossInput = lossInputs.find((each) => each.name === name);
      const dims = this.shapeOf(name, stated, data.length, sizes, lossInput !== undefined);
      if (lossInput?.labels) checkLabels(name, data, lossInput.labels);
      if (lossInput?.lengths) checkLengths(name, data, lossInput.lengths, batch);
      return { name, data, elemType: typeOf(info), dims };
    });
    const filled = separated.dataInputs.filter(isConstant).map((info) => {
      const dims = (dimsOf(info) ?? []).map((dim) => (typeof dim === 'number' ? dim : (sizes.get(dim) ?? 1)));
      const data = constantData(info, dims, constants[info.name]!);
      return { name: info.name, data, elemType: typeOf(info), dims };
    });
    const [size = given[0]?.dims[0] ?? 1] = sizes.values();
    return { inputs: [...given, ...filled], size };
  }

  /** @throws FlatminError with the Reshape that fixes the batch, where targets do not fit for that */
  private shapeOf(
    name: string,
    stated: readonly (number | string)[],
    length: number,
    sizes: Map<string, number>,
    isTarget: boolean,
  ): number[] {
    try {
      return fillOpenDimension(name, stated, length, sizes);
    } catch (error) {
      const [size] = sizes.values();
      if (!isTarget || size === undefined) throw error;
      throw blameFixedBatch(error, describeFixedBatch(this.ends.separated.graph, size), 'INVALID_ARGUMENT');
    }
  }

  /** A session that is still loading goes when it is there. */
  dispose(): void {
    for (const session of [...this.sessions.values(), ...(this.sized ? [this.sized] : [])])
      session.then((loaded) => loaded.dispose()).catch(() => {});
  }
}

/**
 * The shape of an array from its length: one dimension may be open, whose size is noted.
 * @throws FlatminError INVALID_ARGUMENT when the length does not fit, or two dimensions are open
 */
function fillOpenDimension(
  name: string,
  stated: readonly (number | string)[],
  length: number,
  sizes: Map<string, number>,
): number[] {
  const dims = stated.map((dim) => (typeof dim === 'string' ? (sizes.get(dim) ?? dim) : dim));
  const open = dims.filter((dim): dim is string => typeof dim === 'string');
  const known = dims.reduce<number>((product, dim) => (typeof dim === 'string' ? product : product * dim), 1);
  if (open.length > 1) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"${name}" has the open dimensions ${open.join(' and ')}: give the session sizes for all but the batch, as dims: { "${open[1]}": 16 }.`,
    );
  }
  const size = open.length === 1 ? length / known : 0;
  if (open.length === 1 ? !Number.isInteger(size) : length !== known) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"${name}" holds ${length} elements, ${open.length === 1 ? 'not a multiple of' : 'not'} ${known}.`,
    );
  }
  if (open.length === 1) sizes.set(open[0]!, size);
  return dims.map((dim) => (typeof dim === 'string' ? size : dim));
}

const dimsOfFetched = ({ dims }: Fetched): number[] => (dims ?? []).map(Number);

const batchValue = (fetched: Fetched): BatchValue => ({
  dims: dimsOfFetched(fetched),
  data: viewBytes(new Uint8Array(fetched.data), fetched.type, fetched.name),
});

/** A float32 or float64 value of a run, as float32. */
function floats(fetched: Fetched): Float32Array {
  const { data: values } = batchValue(fetched);
  return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
}
