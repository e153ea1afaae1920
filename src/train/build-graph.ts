import { fixBatch, type SeparatedModel, separate } from '../autodiff/separate.js';
import { buildTrainingGraph, type TrainingGraph, trainingModel } from '../autodiff/training-graph.js';
import { FlatminError, invalid } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { lower } from '../lowering/lower.js';
import type { Target } from '../lowering/targets.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { ModelProto } from '../onnx/proto.js';
import { verifyModel } from '../onnx/verify.js';
import { inferTypes } from '../runtime/infer-types.js';
import type { Runtime } from '../runtime/library.js';

export interface GraphOptions {
  loss: Loss;
  batch: number;
  target: Target;
  /** The model's output that the loss takes; default its first. */
  output?: string;
  /** Statistics that BatchNormalization uses. Default 'batch'. */
  batchNorm?: 'batch' | 'running';
}

/** A training graph, and the model that a runtime with the target's kernels can load. */
export interface BuiltGraph extends TrainingGraph {
  readonly model: ModelProto;
  /** The input that takes labels or targets. */
  readonly targets: string;
}

/** The forward model with its loss at the end and its weights as inputs; the batch dimension is as in the model. */
export interface LossModel {
  readonly separated: SeparatedModel;
  readonly loss: string;
  readonly targets: string;
  readonly output: string;
}

export function withLoss(model: ModelProto, loss: Loss, outputName?: string): LossModel {
  verifyModel(model, `Model "${model.graph.name}"`);
  const { graph, ...rest } = separate(model);
  const output = outputName ? graph.output.find(({ name }) => name === outputName) : graph.output[0];
  if (!output) {
    throw new FlatminError(
      'INVALID_MODEL',
      `Model "${graph.name}" has no output "${outputName}"; its outputs are ${graph.output.map(({ name }) => name).join(', ')}.`,
    );
  }
  const builder = new GraphBuilder(graph);
  const ends = loss.append(builder, output);
  const targets = graph.input.find(({ name }) => name === ends.targets)!;
  return {
    separated: { graph, ...rest, dataInputs: [...rest.dataInputs, targets] },
    ...ends,
    output: output.name,
  };
}

/** From a forward model to a training graph for one batch size, lowered to a target. */
export async function buildGraph(
  runtime: Runtime,
  model: ModelProto,
  options: GraphOptions,
): Promise<BuiltGraph> {
  const { batch } = options;
  if (!Number.isInteger(batch) || batch < 1) throw invalid('batch', 'a positive integer', batch);
  const { separated, loss, targets } = withLoss(model, options.loss, options.output);
  const graph = fixBatch(separated.graph, batch);
  const named = new Map(graph.input.map((info) => [info.name, info]));
  const dataInputs = separated.dataInputs.map(({ name }) => named.get(name)!);
  const forward: ModelProto = { ...model, graph: { ...graph, output: [] } };
  const types = await inferTypes(runtime, forward);
  const built = buildTrainingGraph({ ...separated, graph, dataInputs }, types, loss, options.batchNorm);
  const lowered = lower(built.graph, types, options.target);
  return { ...built, model: trainingModel(lowered, types, model.opsetImport), targets };
}
