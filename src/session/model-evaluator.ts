import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import type { SizeOptions } from '../autodiff/prepare/shapes.js';
import { targetFor } from '../capabilities/target-for.js';
import { forwardGraph } from '../compile/forward-graph.js';
import { asPrepared, type LossChoice } from '../compile/loss-model.js';
import type { Communicator } from '../group/communicator.js';
import type { Compared } from '../losses/compared.js';
import type { Loss } from '../losses/loss.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Runtime } from '../ort/library.js';
import type { Device } from '../vectors/device/device.js';
import { type BatchResult, type EvaluateOptions, type Evaluation, Evaluator } from './evaluator.js';
import type { Feeds } from './feed/feeds.js';
import { ModelWeights } from './model-weights.js';

export interface ModelEvaluatorOptions extends LossChoice {
  loss: Loss;
  /** Values of the model, by name, that each batch's result has too. */
  values?: readonly string[] | undefined;
  /** Samples of the batches that run on the fastest kernels; others run too. */
  batch: number;
  /** Ranks each of which gives every n-th batch, beginning with the one of its number, and has the figures of all. */
  group?: Communicator | undefined;
  /** Sizes of open dimensions beside the batch. */
  dims?: SizeOptions['dims'];
  device: Device;
  runtime: Runtime;
}

/** A model that is evaluated alone: no gradient is taken, so that every model with a loss will do. */
export class ModelEvaluator {
  private constructor(
    private readonly evaluator: Evaluator,
    private readonly weights: ModelWeights,
    private readonly group: Communicator | undefined,
  ) {}

  /** @throws FlatminError INVALID_MODEL where the loss does not fit the model */
  static async create(
    given: ModelProto | PreparedModel,
    options: ModelEvaluatorOptions,
  ): Promise<ModelEvaluator> {
    const { runtime, device } = options;
    const prepared = asPrepared(given);
    const { types, separated, initializers } = await forwardGraph(runtime, prepared, options);
    const { parameters, statistics } = separated;
    const target = await targetFor(runtime, device.name);
    const built = { types, parameters, statistics };
    const evaluator = await Evaluator.create(runtime, prepared, { ...options, built, target });
    return new ModelEvaluator(evaluator, new ModelWeights(built, initializers, { device }), options.group);
  }

  /** What metrics are of; undefined where the loss does not say. */
  get compared(): Compared | undefined {
    return this.evaluator.compared;
  }

  /** As TrainingSession.evaluate. */
  evaluate(
    batches: AsyncIterable<Feeds> | Iterable<Feeds>,
    options: EvaluateOptions = {},
  ): Promise<Evaluation> {
    return this.evaluator.run(batches, (name) => this.weights.buffer(name), options, this.group);
  }

  /** What the model makes of a batch. */
  result(batch: Feeds): Promise<BatchResult> {
    return this.evaluator.runBatch(batch, (name) => this.weights.buffer(name));
  }

  /** Frees the sessions and the weights. */
  dispose(): void {
    this.evaluator.dispose();
    this.weights.dispose();
  }
}
