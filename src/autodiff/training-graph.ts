import { FlatminError } from '../errors.js';
import { emptyGraph, GraphBuilder, makeModel, valueInfo } from '../onnx/builder.js';
import type { Graph, ModelProto, ValueInfo } from '../onnx/proto.js';
import { subgraphs } from '../onnx/subgraphs.js';
import { DataType, type DataTypeName, dataTypeName } from '../onnx/tensors/tensor.js';
import type { TypedGraph } from '../onnx/typed-graph.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { verifyModel } from '../onnx/verify.js';
import { backward } from './backward.js';
import { renameNode } from './prepare/rename.js';
import type { ReportNode } from './report-node.js';
import type { SeparatedModel, Weight } from './separate.js';
import { useBatchStatistics } from './training-form.js';

/** Where a weight's gradient, or a statistic's new value, comes out of the training graph. */
export interface Bound extends Weight {
  readonly output: string;
}

/**
 * A graph from (batch, parameters, running statistics) to (loss, gradients, new running statistics), in training ops, for one
 * batch size.
 */
export interface TrainingGraph extends TypedGraph {
  readonly dataInputs: readonly ValueInfo[];
  readonly parameters: readonly Bound[];
  /** Running statistics that the graph moves. */
  readonly movedStatistics: readonly Bound[];
  /** Scalar. */
  readonly loss: string;
  /** The input (float32 scalar) that the gradients are multiplied by, where there is one; the loss is not. */
  readonly lossScale?: string;
}

/** A forward graph with static shapes, and its scalar loss. */
export interface LossGraph extends SeparatedModel, TypedGraph {
  readonly loss: string;
}

export interface TrainingGraphOptions {
  /** 'batch' normalises by the batch and moves the running statistics; 'running' leaves them fixed. */
  batchNorm: 'batch' | 'running';
  /** Whether an input, the loss scale, multiplies all gradients: the reverse walk starts from it instead of from 1. Default false. */
  scaled?: boolean;
  /** Takes the errors of single nodes; parameters that no gradient reaches then are left out. Default: they are thrown. */
  report?: ReportNode | undefined;
}

/**
 * Appends the gradients of the loss to a forward graph.
 * @throws FlatminError NO_GRADIENT when an op has no rule or a parameter does not reach the loss
 */
export function buildTrainingGraph(
  model: LossGraph,
  { batchNorm, scaled = false, report }: TrainingGraphOptions,
): TrainingGraph {
  const { types, loss } = model;
  const builder = new GraphBuilder({
    ...emptyGraph(`${model.graph.name}-training`),
    ...copyLists(model.graph),
  });
  const updated = batchNorm === 'batch' ? useBatchStatistics(builder, types) : new Map<string, string>();
  const { type } = types.get(loss)!;
  const seed = scaled
    ? builder.input(builder.fresh('loss_scale'), dataTypeName(type) as DataTypeName, [])
    : builder.scalar(1, type);
  types.set(seed, { type, dims: [] });
  const names = model.parameters.map(({ name }) => name);
  const gradients = backward(builder, types, new Map([[loss, seed]]), names, report);
  const unreached = names.filter((name) => !gradients.has(name));
  if (unreached.length > 0 && !report) {
    throw new FlatminError(
      'NO_GRADIENT',
      `No gradient of the loss reaches ${unreached.slice(0, 5).join(', ')}: freeze what the loss does not depend on.`,
    );
  }
  const outputs = nameOutputs(builder, types, gradients);
  builder.graph.output = [];
  builder.output(loss, types.get(loss)!.type, []);
  const bind = (weight: Weight, output: string): Bound => {
    builder.output(output, DataType.float, weight.dims);
    return { ...weight, output };
  };
  const parameters = model.parameters
    .filter(({ name }) => outputs.has(name))
    .map((weight) => bind(weight, outputs.get(weight.name)!));
  const movedStatistics = model.statistics.flatMap((weight) =>
    updated.has(weight.name) ? [bind(weight, updated.get(weight.name)!)] : [],
  );
  const { dataInputs } = model;
  const lossScale = scaled && { lossScale: seed };
  return { graph: builder.graph, types, dataInputs, parameters, movedStatistics, loss, ...lossScale };
}

const copyLists = (graph: Graph): Pick<Graph, 'node' | 'initializer' | 'input' | 'output'> => ({
  node: [...graph.node],
  initializer: [...graph.initializer],
  input: [...graph.input],
  output: [...graph.output],
});

/** Gives every gradient its parameter's name with `_grad`; a gradient that several parameters share is copied. */
function nameOutputs(
  builder: GraphBuilder,
  types: ValueTypes,
  gradients: ReadonlyMap<string, string>,
): Map<string, string> {
  const named = new Map<string, string>();
  const renamed = new Map<string, string>();
  const produced = new Set(builder.graph.node.flatMap((node) => node.output));
  for (const [parameter, gradient] of gradients) {
    const wanted = `${parameter}_grad`;
    const shared = renamed.has(gradient) || !produced.has(gradient);
    const name = gradient === wanted ? wanted : builder.fresh(wanted);
    if (shared) builder.op('Identity', [renamed.get(gradient) ?? gradient], {}, { outputs: [name] });
    else {
      renamed.set(gradient, name);
      types.delete(gradient);
    }
    named.set(parameter, name);
    types.set(name, types.get(parameter)!);
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  for (const node of builder.graph.node) Object.assign(node, renameNode(node, rename));
  return named;
}

function domainsOf({ node }: Graph): Set<string> {
  return new Set(
    node.flatMap((each) => [each.domain ?? '', ...subgraphs(each).flatMap((inner) => [...domainsOf(inner)])]),
  );
}

/** A model around a training graph, with the types of all values written down. */
export function trainingModel(
  graph: Graph,
  types: ValueTypes,
  opset?: readonly { domain?: string; version?: unknown }[],
): ModelProto {
  const outside = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  const valueInfos = graph.node
    .flatMap((node) => node.output)
    .filter((name) => name !== '' && !outside.has(name) && types.has(name))
    .map((name) => valueInfo(name, types.get(name)!.type, types.get(name)!.dims));
  const domains = [...domainsOf(graph)].filter((domain) => domain !== '' && domain !== 'ai.onnx');
  const model = makeModel(
    { ...graph, valueInfo: valueInfos },
    Object.fromEntries(domains.map((domain) => [domain, 1])),
  );
  if (opset) {
    const listed = opset.map(({ domain }) => domain || '');
    model.opsetImport = [
      ...(opset as ModelProto['opsetImport']),
      ...domains.filter((domain) => !listed.includes(domain)).map((domain) => ({ domain, version: 1 })),
    ];
  }
  verifyModel(model, `The training graph of "${graph.name}"`);
  return model;
}
