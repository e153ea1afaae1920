import { blameFixedBatch, describeFixedBatch } from '../autodiff/prepare/fixed-batch.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { dimsOf, type SizeOptions } from '../autodiff/prepare/shapes.js';
import { trainingModel } from '../autodiff/training-graph.js';
import { FlatminError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import type { ModelProto } from '../onnx/proto.js';
import { DataType, elementBytes } from '../onnx/tensor.js';
import type { DeviceBuffer } from '../runtime/addon-types.js';
import type { Device } from '../runtime/device/device.js';
import { loadOn } from '../runtime/device/load.js';
import type { Runtime } from '../runtime/library.js';
import { allocate, runBinding, type Session } from '../runtime/session.js';
import type { BuiltGraph } from './build-graph.js';
import { checkLabels } from './check-feed.js';
import type { Feeds } from './feeds.js';
import { type LossModel, withLoss } from './loss-model.js';

export interface Evaluation {
  /** Mean loss a sample. */
  readonly loss: number;
  /** Share of samples whose largest logit is their label; undefined when the targets are not class labels. */
  readonly accuracy: number | undefined;
  readonly samples: number;
}

interface EvaluatorOptions {
  loss: Loss;
  output?: string | undefined;
  device: Device;
  /** Sizes of open dimensions beside the batch. */
  dims?: SizeOptions['dims'];
  /** The training graph whose weights these are. */
  built: BuiltGraph;
}

/** Buffer of a parameter or running statistic. */
type Weights = (name: string) => DeviceBuffer;

/** The forward model with its loss, in evaluation mode, on the buffers of a training session; any batch size. */
export class Evaluator {
  private readonly sessions = new Map<number, Promise<Session>>();

  private constructor(
    private readonly ends: LossModel,
    private readonly forward: ModelProto,
    private readonly runtime: Runtime,
    private readonly device: Device,
  ) {}

  /** Sessions are loaded when they are first needed. */
  static create(runtime: Runtime, model: PreparedModel, options: EvaluatorOptions): Evaluator {
    const { built, output: wanted, dims } = options;
    const weights = { parameters: built.parameters, statistics: built.runningStatistics };
    const ends = withLoss(model, options.loss, { output: wanted, dims, weights, fallback: built.types });
    const { graph } = ends.separated;
    const output = [{ name: ends.loss }, { name: ends.output }];
    const forward = trainingModel(
      { ...graph, name: `${graph.name}-evaluation`, output },
      new Map(),
      model.model.opsetImport,
    );
    return new Evaluator(ends, forward, runtime, options.device);
  }

  /** One for all batches on the CPU; on a GPU one for each size, since ONNX Runtime plans a convolution anew whenever its shape changes. */
  private session(size: number): Promise<Session> {
    const key = this.device.name === 'cpu' ? 0 : size;
    const loaded =
      this.sessions.get(key) ??
      loadOn(this.device, this.runtime, this.forward).then(({ session }) => session);
    this.sessions.set(key, loaded);
    return loaded;
  }

  async run(batches: AsyncIterable<Feeds> | Iterable<Feeds>, weights: Weights): Promise<Evaluation> {
    let [samples, loss, correct] = [0, 0, 0];
    let countsLabels = true;
    for await (const batch of batches) {
      const result = await this.runBatch(batch, weights);
      samples += result.size;
      loss += result.loss * result.size;
      if (result.correct === undefined) countsLabels = false;
      else correct += result.correct;
    }
    if (samples === 0)
      throw new FlatminError('INVALID_DATA', 'There is nothing to evaluate: the data hold no sample.');
    return { loss: loss / samples, accuracy: countsLabels ? correct / samples : undefined, samples };
  }

  private async runBatch(
    batch: Feeds,
    weights: Weights,
  ): Promise<{ size: number; loss: number; correct: number | undefined }> {
    const { separated, targets } = this.ends;
    const sizes = new Map<string, number>();
    let size = 0;
    const inputs = separated.dataInputs.map((info) => {
      const { name, type } = info;
      const data = batch[name];
      if (!data) throw new FlatminError('INVALID_ARGUMENT', `The batch lacks "${name}".`);
      const elemType = type?.tensorType?.elemType ?? DataType.float;
      const dims = fillOpenDimension(name, dimsOf(info) ?? [], data.length, sizes);
      size ||= dims[0] ?? 1;
      const labels = this.ends.lossTargets.find((target) => target.name === name)?.labels;
      if (labels) checkLabels(name, data, labels);
      const buffer = allocate(data.length * elementBytes(elemType));
      buffer.write(data);
      return { name, buffer, elemType, dims };
    });
    const binding = (await this.session(size)).createBinding();
    try {
      for (const { name, buffer, elemType, dims } of inputs) binding.bindInput(name, buffer, elemType, dims);
      for (const { name, dims } of [...separated.parameters, ...separated.statistics]) {
        binding.bindInput(name, weights(name), DataType.float, dims);
      }
      binding.bindOutput(this.ends.loss);
      binding.bindOutput(this.ends.output);
      await runBinding(binding).catch((error) => {
        throw blameFixedBatch(error, describeFixedBatch(separated.graph, size));
      });
      const [loss, logits] = binding.fetch();
      const labels = batch[targets];
      const [first] = this.ends.lossTargets;
      const ofClasses = first?.labels?.axis === 1 && logits!.dims?.length === 2;
      const correct =
        ofClasses && labels instanceof BigInt64Array
          ? countCorrect(new Float32Array(logits!.data), labels)
          : undefined;
      return { size, loss: new Float32Array(loss!.data)[0]!, correct };
    } finally {
      binding.dispose();
    }
  }

  /** A session that is still loading goes when it is there. */
  dispose(): void {
    for (const session of this.sessions.values()) session.then((loaded) => loaded.dispose()).catch(() => {});
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

/** Rows of N × classes whose first largest entry is at the label. */
function countCorrect(logits: Float32Array, labels: BigInt64Array): number {
  const classes = logits.length / labels.length;
  let correct = 0;
  labels.forEach((label, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    if (
      scores.indexOf(scores.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY)) ===
      Number(label)
    )
      correct++;
  });
  return correct;
}
