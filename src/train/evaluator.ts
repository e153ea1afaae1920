import { trainingModel } from '../autodiff/training-graph.js';
import { FlatminError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import type { ModelProto } from '../onnx/proto.js';
import { int64 } from '../onnx/proto.js';
import { DataType, elementBytes } from '../onnx/tensor.js';
import type { DeviceBuffer } from '../runtime/addon-types.js';
import type { Runtime } from '../runtime/library.js';
import { allocate, Session } from '../runtime/session.js';
import { type LossModel, withLoss } from './build-graph.js';
import type { Feeds } from './feeds.js';

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
  threads: number;
  /** Buffer of a parameter or running statistic. */
  weights: (name: string) => DeviceBuffer;
}

/** The forward model with its loss, in evaluation mode, on the buffers of a training session; any batch size. */
export class Evaluator {
  private constructor(
    private readonly ends: LossModel,
    private readonly session: Session,
    private readonly weights: EvaluatorOptions['weights'],
  ) {}

  static async create(runtime: Runtime, model: ModelProto, options: EvaluatorOptions): Promise<Evaluator> {
    const ends = withLoss(model, options.loss, options.output);
    const { graph } = ends.separated;
    const output = [{ name: ends.loss }, { name: ends.output }];
    const forward = trainingModel(
      { ...graph, name: `${graph.name}-evaluation`, output },
      new Map(),
      model.opsetImport,
    );
    const session = await Session.create(runtime, forward, {
      intraOpThreads: options.threads,
      config: { 'session.force_spinning_stop': '1' },
    });
    return new Evaluator(ends, session, options.weights);
  }

  async run(batches: AsyncIterable<Feeds> | Iterable<Feeds>): Promise<Evaluation> {
    let [samples, loss, correct] = [0, 0, 0];
    let countsLabels = true;
    for await (const batch of batches) {
      const result = await this.runBatch(batch);
      samples += result.size;
      loss += result.loss * result.size;
      if (result.correct === undefined) countsLabels = false;
      else correct += result.correct;
    }
    if (samples === 0)
      throw new FlatminError('INVALID_DATA', 'There is nothing to evaluate: the data hold no sample.');
    return { loss: loss / samples, accuracy: countsLabels ? correct / samples : undefined, samples };
  }

  private async runBatch(batch: Feeds): Promise<{ size: number; loss: number; correct: number | undefined }> {
    const { separated, targets } = this.ends;
    const binding = this.session.createBinding();
    try {
      let size = 1;
      for (const { name, type } of separated.dataInputs) {
        const data = batch[name];
        if (!data) throw new FlatminError('INVALID_ARGUMENT', `The batch lacks "${name}".`);
        const elemType = type?.tensorType?.elemType ?? DataType.float;
        const dims = (type?.tensorType?.shape?.dim ?? []).map((dim) =>
          dim.dimParam ? -1 : int64(dim.dimValue),
        );
        const known = dims.reduce((product, dim) => (dim < 0 ? product : product * dim), 1);
        if (dims[0] === -1) dims[0] = size = data.length / known;
        if (!Number.isInteger(dims[0]))
          throw new FlatminError(
            'INVALID_ARGUMENT',
            `"${name}" holds ${data.length} elements, not a multiple of ${known}.`,
          );
        const buffer = allocate(data.length * elementBytes(elemType));
        buffer.write(data);
        binding.bindInput(name, buffer, elemType, dims);
      }
      for (const { name, dims } of [...separated.parameters, ...separated.statistics]) {
        binding.bindInput(name, this.weights(name), DataType.float, dims);
      }
      binding.bindOutput(this.ends.loss);
      binding.bindOutput(this.ends.output);
      await binding.run();
      const [loss, logits] = binding.fetch();
      const labels = batch[targets];
      const correct =
        labels instanceof BigInt64Array ? countCorrect(new Float32Array(logits!.data), labels) : undefined;
      return { size, loss: new Float32Array(loss!.data)[0]!, correct };
    } finally {
      binding.dispose();
    }
  }

  dispose(): void {
    this.session.dispose();
  }
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
