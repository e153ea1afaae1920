import { decompose } from '../autodiff/decompose/decompose.js';
import { emulateHalf } from '../autodiff/precision/emulate.js';
import { toHalfPrecision } from '../autodiff/precision/half-precision.js';
import { requireHalfKernels } from '../autodiff/precision/kernels.js';
import { replaceDropout } from '../autodiff/prepare/dropout.js';
import { blameFixedBatch, describeFixedBatch } from '../autodiff/prepare/fixed-batch.js';
import { fixInputs } from '../autodiff/prepare/fixed-inputs.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { batchSymbols, dimsOf, fixShapes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ReportNode } from '../autodiff/report-node.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { type SeparatedModel, type SeparateOptions, separate, type Weight } from '../autodiff/separate.js';
import { buildTrainingGraph, type TrainingGraph, trainingModel } from '../autodiff/training-graph.js';
import { firstUndecided } from '../autodiff/undecided.js';
import { FlatminError, invalid } from '../errors.js';
import type { End } from '../losses/ends/find-end.js';
import type { Loss, LossTarget, LossValue } from '../losses/loss.js';
import { lower } from '../lowering/lower.js';
import type { Target } from '../lowering/targets.js';
import { defaultIrVersion, defaultOpset } from '../onnx/builder.js';
import { isStandardDomain, opKey } from '../onnx/domains.js';
import { type Graph, int64, type ModelProto } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { completeTypes } from '../ort/complete-types.js';
import { foldConstants } from '../ort/fold-constants.js';
import { inferTypes } from '../ort/infer-types.js';
import type { Runtime } from '../ort/library.js';
import { appendLoss, asPrepared, type LossChoice } from './loss-model.js';
import { neededNodes } from './needed-nodes.js';
import type { Precision } from './precision.js';
import { forwardTypes, resolveControlFlow } from './trainable-graph.js';

export interface GraphOptions extends SizeOptions, ClassifyOptions, LossChoice {
  loss: Loss;
  target: Target;
  /** Statistics that BatchNormalization uses. Default 'batch'. */
  batchNorm?: 'batch' | 'running' | undefined;
  /** Whether Dropout nodes drop, by numbers that `noise` inputs take. Default false. */
  dropout?: boolean | undefined;
  /** What the graph computes with; 'tf32' is a float32 graph. Default 'fp32'. */
  precision?: Precision | undefined;
  /**
   * Which operators (or domain:operator) the device has half-precision kernels of. Default 'none', as on a CPU: float32 kernels compute
   * everything, and their results are rounded.
   */
  halfKernels?: 'none' | ((op: string) => boolean) | undefined;
}

/** A training graph as a runtime with the target's kernels can load it. */
export interface BuiltGraph extends Omit<TrainingGraph, 'graph'> {
  readonly model: ModelProto;
  /** Of all values of the model's graph. */
  readonly types: ValueTypes;
  /** The input that takes labels or targets; empty for a loss that needs none. */
  readonly targets: string;
  readonly lossTargets: readonly LossTarget[];
  /** Inputs of uniform numbers in [0, 1) that decide what Dropout drops. */
  readonly noise: readonly Weight[];
  readonly classified: SeparatedModel['classified'];
  /** What gives the output another batch than the inputs have. */
  readonly fixedBatch: string | undefined;
  /** What the loss has decided that the user should know. */
  readonly notes: readonly string[];
  /** Running statistics that the graph reads; `statistics` are those that it moves. */
  readonly runningStatistics: readonly Weight[];
}

/** A forward graph with static shapes and its loss, taken apart, with the types of its values. */
export interface ForwardGraph {
  readonly separated: SeparatedModel;
  readonly types: ValueTypes;
  readonly loss: string;
  /** The loss, and the values that it was computed from beyond the model's. */
  readonly lossValues: readonly string[];
  readonly targets: readonly LossTarget[];
  readonly noise: readonly Weight[];
  /** What gives the output another batch than the inputs have. */
  readonly fixedBatch: string | undefined;
  /** The value that the loss takes by default, and the softmax or the like that it is. */
  readonly output: LossValue;
  readonly end: End | undefined;
  readonly notes: readonly string[];
  /** All initializers, those of weights too. */
  readonly initializers: Graph['initializer'];
}

/**
 * From a forward model to a training graph for one batch size, lowered to a target. With precision 'fp16' it has an input more,
 * `lossScale`, and its gradients are those of the loss times that.
 * @throws FlatminError INVALID_MODEL for half precision of a model that is not float32; INVALID_ARGUMENT where kernels are missing
 */
export async function buildGraph(
  runtime: Runtime,
  given: ModelProto | PreparedModel,
  options: GraphOptions,
): Promise<BuiltGraph> {
  const prepared = asPrepared(given);
  const { forward, gradients } = await gradientGraph(runtime, prepared, options);
  const { halfKernels = 'none' } = options;
  const lowered = lower(gradients.graph, gradients.types, options.target);
  if (halfKernels !== 'none')
    requireHalfKernels(lowered, gradients.types, standardOpset(prepared.model), halfKernels);
  const model = trainingModel(lowered, gradients.types, prepared.model.opsetImport);
  const types = await completeTypes(runtime, model, gradients.types);
  return builtGraph(prepared, forward, { ...gradients, types }, model);
}

/** What was built, told of a model whose graph `training` describes. */
export function builtGraph(
  { model: { irVersion } }: PreparedModel,
  { separated, targets, noise, fixedBatch, notes }: ForwardGraph,
  { graph: _, ...training }: TrainingGraph,
  model: ModelProto,
): BuiltGraph {
  return {
    ...training,
    model: { ...model, irVersion: Math.max(defaultIrVersion, int64(irVersion)) },
    targets: targets[0]?.name ?? '',
    lossTargets: targets,
    noise,
    fixedBatch,
    classified: separated.classified,
    notes,
    runningStatistics: separated.statistics,
  };
}

/** The training graph before it is lowered, and the forward graph that it is of. */
export async function gradientGraph(
  runtime: Runtime,
  prepared: PreparedModel,
  options: Omit<GraphOptions, 'target'>,
): Promise<{ forward: ForwardGraph; gradients: TrainingGraph }> {
  const forward = await forwardGraph(runtime, prepared, options);
  const { separated, loss } = forward;
  const { batchNorm = 'batch', precision = 'fp32', halfKernels = 'none' } = options;
  const { graph, types } = inPrecision(
    await differentiableGraph(runtime, prepared.model, forward),
    forward,
    precision,
    batchNorm,
  );
  const scaled = precision === 'fp16';
  const mixed = buildTrainingGraph({ ...separated, graph }, types, loss, batchNorm, undefined, scaled);
  const emulated = isMixed(precision) && halfKernels === 'none';
  return { forward, gradients: emulated ? { ...mixed, ...emulateHalf(mixed.graph, mixed.types) } : mixed };
}

const isMixed = (precision: Precision): boolean => precision === 'fp16' || precision === 'bf16';

/** The graph with its activations in half precision, where that is asked for. */
function inPrecision(
  { graph, types }: { graph: Graph; types: ValueTypes },
  { separated, noise, lossValues }: ForwardGraph,
  precision: Precision,
  batchNorm: 'batch' | 'running',
): { graph: Graph; types: ValueTypes } {
  if (!isMixed(precision)) return { graph, types };
  const neutral = [...separated.parameters, ...separated.statistics, ...noise].map(({ name }) => name);
  const type = precision === 'fp16' ? 'float16' : 'bfloat16';
  return toHalfPrecision(graph, types, { type, neutral, loss: lossValues, batchNorm });
}

const standardOpset = ({ opsetImport }: ModelProto): number =>
  int64(opsetImport.find(({ domain }) => isStandardDomain(domain))?.version, defaultOpset);

/** Fixes shapes, resolves control flow, appends the loss, and separates weights from the graph. */
export async function forwardGraph(
  runtime: Runtime,
  { model, roles, constants }: PreparedModel,
  options: Omit<GraphOptions, 'target'>,
): Promise<ForwardGraph> {
  const { batch, loss, dropout = false } = options;
  if (batch !== undefined && (!Number.isInteger(batch) || batch < 1))
    throw invalid('batch', 'a positive integer', batch);
  const sized = fixShapes(model.graph, options);
  const fixedBatch = describeFixedBatch(model.graph, batchOf(model.graph, sized));
  const { fixed, types } = await typed(runtime, model, fixInputs(sized, constants)).catch((error) => {
    throw blameFixedBatch(error, fixedBatch);
  });
  const ends = appendLoss(fixed, loss, types, options);
  await addTypesOfLoss(runtime, model, fixed, ends.graph, types);
  const { graph, noise } = replaceDropout(ends.graph, types, dropout);
  const separated = separateOrAdvise({ ...model, graph }, { ...options, losses: [ends.loss], roles });
  // Labels and maps of a classifier are not for training; running statistics move wherever they are.
  const live = neededNodes(separated.graph.node, [ends.loss], (node) => opKey(node) === 'BatchNormalization');
  const noisy = new Set(noise.map(({ name }) => name));
  const dataInputs = separated.dataInputs.filter(({ name }) => !noisy.has(name));
  const added = ends.graph.node.slice(fixed.node.length).flatMap((node) => node.output.filter(Boolean));
  return {
    separated: { ...separated, graph: { ...separated.graph, node: live }, dataInputs },
    types,
    loss: ends.loss,
    lossValues: [ends.loss, ...added],
    targets: ends.targets,
    noise,
    fixedBatch,
    output: ends.output,
    end: ends.end,
    notes: ends.notes,
    initializers: ends.graph.initializer,
  };
}

async function typed(
  runtime: Runtime,
  model: ModelProto,
  graph: Graph,
): Promise<{ fixed: Graph; types: ValueTypes }> {
  const fixed = await resolveControlFlow(runtime, model, graph);
  return { fixed, types: await forwardTypes(runtime, model, fixed) };
}

/** The size that the batch dimension of a graph's inputs has got. */
function batchOf(open: Graph, sized: Graph): number {
  const symbols = batchSymbols(open.input);
  const found = open.input.flatMap((info, index) =>
    (dimsOf(info) ?? []).flatMap((dim, axis) =>
      symbols.has(String(dim)) ? [dimsOf(sized.input[index]!)?.[axis]] : [],
    ),
  );
  return Number(found[0] ?? 1);
}

/** @throws FlatminError INVALID_MODEL with the input that an undecided branch hangs on, where weights may be inside */
function separateOrAdvise(model: ModelProto, options: SeparateOptions): SeparatedModel {
  try {
    return separate(model, options);
  } catch (error) {
    if (!(error instanceof FlatminError) || error.code !== 'INVALID_MODEL') throw error;
    throw new FlatminError(error.code, `${error.message}${firstUndecided(model.graph)}`, { cause: error });
  }
}

/** The types of what a loss appended: of these nodes alone, on inputs of known types. */
async function addTypesOfLoss(
  runtime: Runtime,
  model: ModelProto,
  before: Graph,
  after: Graph,
  types: ValueTypes,
): Promise<void> {
  const node = after.node.slice(before.node.length);
  const added = new Set(before.initializer);
  const initializer = after.initializer.filter((tensor) => !added.has(tensor));
  const own = new Set([...node.flatMap((each) => each.output), ...initializer.map(({ name }) => name)]);
  const targets = after.input.slice(before.input.length);
  const read = new Set(node.flatMap((each) => each.input).filter((name) => name !== '' && !own.has(name)));
  const input = [...read].flatMap((name) => {
    const known = types.get(name);
    const dim = known?.dims.map((dimValue) => ({ dimValue }));
    return known ? [{ name, type: { tensorType: { elemType: known.type, shape: { dim: dim! } } } }] : [];
  });
  const part = { ...after, node, initializer, input: [...input, ...targets], output: [], valueInfo: [] };
  for (const [name, type] of await inferTypes(runtime, { ...model, graph: part })) types.set(name, type);
}

/** Folds constants and rewrites ops that have no gradient of their own. */
export async function differentiableGraph(
  runtime: Runtime,
  model: ModelProto,
  { separated, types }: ForwardGraph,
  report?: ReportNode,
): Promise<{ graph: Graph; types: ValueTypes }> {
  const graph = await foldConstants(runtime, { ...model, graph: { ...separated.graph, output: [] } }, types);
  const decomposed = decompose(
    graph,
    types,
    separated.parameters.map(({ name }) => name),
    report,
  );
  if (decomposed === graph) return { graph, types };
  return {
    graph: decomposed,
    types: await inferTypes(runtime, { ...model, graph: { ...decomposed, output: [] } }),
  };
}
