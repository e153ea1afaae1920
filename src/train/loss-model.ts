import { explainAttributeWeights } from '../autodiff/prepare/attribute-weights.js';
import { type PreparedModel, prepareModel } from '../autodiff/prepare/prepare.js';
import { dimsOf, fixShapes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { type SeparatedModel, type SeparateOptions, separate } from '../autodiff/separate.js';
import { FlatminError } from '../errors.js';
import { type Loss, LossScope, type LossTarget, type LossValue } from '../losses/loss.js';
import { GraphBuilder } from '../onnx/builder.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import { isFloatingPoint } from '../onnx/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';

/** A graph with a loss at its end. */
export interface GraphWithLoss {
  readonly graph: Graph;
  /** The scalar loss. */
  readonly loss: string;
  /** The inputs that the loss added. */
  readonly targets: readonly LossTarget[];
  /** The output that the loss takes by default. */
  readonly output: LossValue;
}

/**
 * A copy of a graph with a loss of its outputs at the end.
 * @param types types of the graph's values, where its shapes are static; else the shapes that the outputs state count
 * @throws FlatminError INVALID_MODEL when there is no such output, or it does not fit the loss
 */
export function appendLoss(
  graph: Graph,
  loss: Loss,
  {
    output,
    types,
    fallback,
  }: { output?: string | undefined; types?: ValueTypes; fallback?: ValueTypes | undefined },
): GraphWithLoss {
  requireInitializers(graph);
  const values = graph.output.flatMap((info): LossValue[] => {
    const known = types?.get(info.name);
    if (known) return [{ name: info.name, ...known }];
    const inferred = fallback?.get(info.name);
    const elemType = info.type?.tensorType?.elemType ?? inferred?.type;
    const dims = dimsOf(info) ?? inferred?.dims.map((dim, axis) => (axis === 0 ? `${info.name}[0]` : dim));
    return elemType === undefined ? [] : [{ name: info.name, type: elemType, dims: dims ?? [] }];
  });
  const chosen =
    output === undefined
      ? (values.find(({ type }) => isFloatingPoint(type)) ?? values[0])
      : values.find(({ name }) => name === output);
  if (!chosen) {
    const names = graph.output.map(({ name }) => name).join(', ');
    throw new FlatminError(
      'INVALID_MODEL',
      `Model "${graph.name ?? ''}" has no ${output === undefined ? 'tensor output' : `output "${output}"`}; its outputs are ${names}.`,
    );
  }
  const builder = new GraphBuilder({
    ...graph,
    node: [...graph.node],
    input: [...graph.input],
    initializer: [...graph.initializer],
  });
  const scope = new LossScope(builder, [chosen, ...values.filter((value) => value !== chosen)]);
  const name = loss.append(scope);
  return { graph: builder.graph, loss: name, targets: scope.targets, output: chosen };
}

/** @throws FlatminError INVALID_MODEL for a model that holds what it has learned in attributes alone */
function requireInitializers(graph: Graph): void {
  if (graph.initializer.some(({ dataType }) => isFloatingPoint(dataType ?? 0))) return;
  const why = explainAttributeWeights(graph);
  if (why)
    throw new FlatminError('INVALID_MODEL', `Model "${graph.name ?? ''}" has nothing to train: ${why}.`);
}

/** The forward model with its loss at the end and its weights as inputs; the batch dimension is as in the model. */
export interface LossModel {
  readonly separated: SeparatedModel;
  readonly loss: string;
  /** The first input for targets; empty for a loss that needs none. */
  readonly targets: string;
  readonly lossTargets: readonly LossTarget[];
  readonly output: string;
}

export interface LossModelOptions extends ClassifyOptions {
  output?: string | undefined;
  /** Types of the outputs for one batch, where the model does not state them. */
  fallback?: ValueTypes | undefined;
  /** Sizes of open dimensions; the others stay open. */
  dims?: SizeOptions['dims'];
  weights?: SeparateOptions['weights'];
}

/** @throws FlatminError INVALID_MODEL when the model is broken, has no such output or nothing to train */
export function withLoss(
  model: ModelProto | PreparedModel,
  loss: Loss,
  { output, fallback, dims, ...options }: LossModelOptions = {},
): LossModel {
  const { model: prepared, roles } = asPrepared(model);
  const graph = dims ? fixShapes(prepared.graph, { dims }, { partial: true }) : prepared.graph;
  const ends = appendLoss(graph, loss, { output, fallback });
  const separated = separate({ ...prepared, graph: ends.graph }, { ...options, losses: [ends.loss], roles });
  return {
    separated,
    loss: ends.loss,
    targets: ends.targets[0]?.name ?? '',
    lossTargets: ends.targets,
    output: ends.output.name,
  };
}

export const asPrepared = (model: ModelProto | PreparedModel): PreparedModel =>
  'origins' in model ? model : prepareModel(model);
