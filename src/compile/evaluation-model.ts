import { fixInputs, type InputConstants, openConstants } from '../autodiff/prepare/fixed-inputs.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { dimsOf, evaluationSizes, fixShapes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import { type SeparatedModel, separate, type Weight } from '../autodiff/separate.js';
import type { Compared } from '../losses/compared.js';
import type { Loss, LossInput } from '../losses/loss.js';
import { valueInfo } from '../onnx/builder.js';
import type { Graph, Tensor } from '../onnx/proto.js';
import { unnamed } from '../onnx/shapes/dimensions.js';
import { tensorDims } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import type { Runtime } from '../ort/library.js';
import type { BuiltGraph } from './build-graph.js';
import { resolveConstantBranches } from './constant-branches.js';
import { appendLoss, type LossChoice, type OpenTypes } from './loss-model.js';
import { forwardTypes, resolveControlFlow } from './trainable-graph.js';

/** The forward model with its loss at the end and its weights as inputs, for any batch. */
export interface EvaluationModel {
  readonly separated: SeparatedModel;
  readonly loss: string;
  readonly lossInputs: readonly LossInput[];
  /** What metrics are of; undefined where the loss does not say. */
  readonly compared: Compared | undefined;
  /** The output that the loss takes by default. */
  readonly output: string;
  /** Inputs that no batch holds. */
  readonly constants: InputConstants;
  /** Sizes that follow the batch without being it, by symbol. */
  readonly following: ReadonlyMap<string, Following>;
}

/** A size of each × the batch's size + fixed; `batch` is the symbol of that. */
export interface Following {
  readonly batch: string;
  readonly each: number;
  readonly fixed: number;
}

/** The types of a graph's values, and which of them are weights. */
export type WeightedGraph = Pick<BuiltGraph, 'types' | 'statistics'> & {
  readonly parameters: readonly Weight[];
};

export interface EvaluationModelOptions extends SizeOptions, LossChoice {
  loss: Loss;
  /** The graph whose weights these are: its training graph, or what is evaluated alone. */
  built: WeightedGraph;
}

/**
 * What a session computes, with the sizes of its batch open. Which sizes of a value follow the batch is found by asking for the shapes at
 * two batch sizes; what the model states of its outputs is not read.
 */
export async function evaluationModel(
  runtime: Runtime,
  prepared: PreparedModel,
  options: EvaluationModelOptions,
): Promise<EvaluationModel> {
  const { loss, built } = options;
  const { model, constants } = prepared;
  const kept = evaluationSizes(model.graph.input, options);
  const open = fixInputs(fixShapes(model.graph, { dims: kept }, { partial: true }), constants);
  const weights = { parameters: built.parameters, statistics: built.statistics };
  const outside = withoutValues(open, [...weights.parameters, ...weights.statistics]);
  const sizes = trainedSizes(open, built);
  const closed = fixShapes(outside.graph, { dims: sizes });
  const resolved = await resolvedGraph(runtime, prepared, closed, built);
  const { types, following } = await openTypes(runtime, prepared, resolved, outside.graph, sizes);
  const initializer = [...resolved.initializer, ...outside.taken];
  const ends = appendLoss({ ...resolved, initializer, input: open.input }, loss, types, options);
  return {
    separated: separate(
      { ...model, graph: ends.graph },
      { losses: [ends.loss], weights, roles: prepared.roles },
    ),
    loss: ends.loss,
    lossInputs: ends.lossInputs,
    compared: ends.compared,
    output: ends.output.name,
    constants: openConstants(open, constants),
    following,
  };
}

/** A graph with weights as inputs: their initializers have no values in a session. */
function withoutValues(graph: Graph, weights: readonly Weight[]): { graph: Graph; taken: Tensor[] } {
  const names = new Set(weights.map(({ name }) => name));
  const taken = graph.initializer.filter(({ name }) => names.has(name ?? ''));
  const inputs = taken.map((tensor) => valueInfo(tensor.name!, tensor.dataType!, tensorDims(tensor)));
  return {
    graph: {
      ...graph,
      input: [...graph.input, ...inputs],
      initializer: graph.initializer.filter(({ name }) => !names.has(name ?? '')),
    },
    taken,
  };
}

/** What the open dimensions of inputs are in the training graph, by symbol. */
function trainedSizes(open: Graph, { types }: WeightedGraph): Record<string, number> {
  const found = open.input.flatMap((info) =>
    (dimsOf(info) ?? []).map((dim, axis) => [dim, types.get(info.name)?.dims[axis] ?? 1] as const),
  );
  return Object.fromEntries(found.filter(([dim]) => typeof dim === 'string'));
}

/** Control flow that shapes decide may be decided otherwise in another batch, and stays, unless weights are in it. */
async function resolvedGraph(
  runtime: Runtime,
  { model }: PreparedModel,
  closed: Graph,
  { parameters }: WeightedGraph,
): Promise<Graph> {
  const graph = await resolveConstantBranches(runtime, model, closed);
  const names = new Set([...graph.initializer, ...graph.input].map(({ name }) => name));
  return parameters.every(({ name }) => names.has(name)) ? graph : resolveControlFlow(runtime, model, closed);
}

/** Types of all values, with a symbol for each size that another batch size changes. */
async function openTypes(
  runtime: Runtime,
  { model }: PreparedModel,
  resolved: Graph,
  open: Graph,
  sizes: Readonly<Record<string, number>>,
): Promise<{ types: OpenTypes; following: Map<string, Following> }> {
  const types = await forwardTypes(runtime, model, resolved);
  const following = new Map<string, Following>();
  const symbols = Object.keys(sizes);
  const [batch] = symbols;
  if (batch === undefined) return { types, following };
  const half = Object.values(sizes).every((size) => size > 2 && size % 2 === 0);
  const other = (size: number) => (half ? size / 2 : size * 2);
  const { input } = fixShapes(open, {
    dims: Object.fromEntries(symbols.map((symbol) => [symbol, other(sizes[symbol]!)])),
  });
  // A model that runs batches of one size alone is evaluated on these.
  const others = await forwardTypes(runtime, model, { ...resolved, input }).catch((): ValueTypes => types);
  const symbolFor = (name: string, size: number, changed: number): string => {
    const same = symbols.find((symbol) => sizes[symbol] === size && other(size) === changed);
    if (same !== undefined) return same;
    const each = (changed - size) / (other(sizes[batch]!) - sizes[batch]!);
    const fixed = size - each * sizes[batch]!;
    if (Number.isInteger(each)) following.set(name, { batch, each, fixed });
    return name;
  };
  const opened = [...types].map(([name, { type, dims }]) => {
    const changed = others.get(name)?.dims ?? [];
    const isSameRank = changed.length === dims.length;
    const sized = dims.map((size, axis) =>
      !isSameRank || size === changed[axis] ? size : symbolFor(unnamed(name, axis), size, changed[axis]!),
    );
    return [name, { type, dims: sized }] as const;
  });
  return { types: new Map(opened), following };
}
