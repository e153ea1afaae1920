import { replaceDropout } from '../autodiff/prepare/dropout.js';
import { blameFixedBatch, describeFixedBatch } from '../autodiff/prepare/fixed-batch.js';
import { fixInputs } from '../autodiff/prepare/fixed-inputs.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { batchSymbols, dimsOf, fixShapes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { type SeparatedModel, type SeparateOptions, separate, type Weight } from '../autodiff/separate.js';
import { firstUndecided } from '../autodiff/undecided.js';
import { FlatminError } from '../errors.js';
import type { End } from '../losses/ends/find-end.js';
import type { Loss, LossInput, LossValue } from '../losses/loss.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import type { TypedGraph } from '../onnx/typed-graph.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { checkedValue } from '../options/option.js';
import { count } from '../options/values.js';
import { completeTypes } from '../ort/complete-types.js';
import type { Runtime } from '../ort/library.js';
import { appendLoss, type LossChoice } from './loss-model.js';
import { neededNodes } from './needed-nodes.js';
import { forwardTypes, resolveControlFlow } from './trainable-graph.js';

export interface ForwardOptions extends SizeOptions, ClassifyOptions, LossChoice {
  loss: Loss;
  /** Whether Dropout nodes drop, by numbers that `noise` inputs take. Default false. */
  dropout?: boolean | undefined;
}

/** A forward graph with static shapes and its loss, taken apart, with the types of its values. */
export interface ForwardGraph {
  readonly separated: SeparatedModel;
  readonly types: ValueTypes;
  readonly loss: string;
  /** The loss, and the values that it was computed from beyond the model's. */
  readonly lossValues: readonly string[];
  /** Inputs that take labels or targets. */
  readonly lossInputs: readonly LossInput[];
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

/** Fixes shapes, resolves control flow, appends the loss, and separates weights from the graph. */
export async function forwardGraph(
  runtime: Runtime,
  { model, roles, constants }: PreparedModel,
  options: ForwardOptions,
): Promise<ForwardGraph> {
  const { batch, loss, dropout = false } = options;
  if (batch !== undefined) checkedValue('batch', count, batch);
  const sized = fixShapes(model.graph, options);
  const fixedBatch = describeFixedBatch(model.graph, batchOf(model.graph, sized));
  const { graph: fixed, types: known } = await resolved(runtime, model, fixInputs(sized, constants)).catch(
    (error) => {
      throw blameFixedBatch(error, fixedBatch);
    },
  );
  const ends = appendLoss(fixed, loss, known, options);
  const types = await completeTypes(runtime, { ...model, graph: ends.graph }, known);
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
    lossInputs: ends.lossInputs,
    noise,
    fixedBatch,
    output: ends.output,
    end: ends.end,
    notes: ends.notes,
    initializers: ends.graph.initializer,
  };
}

async function resolved(runtime: Runtime, model: ModelProto, given: Graph): Promise<TypedGraph> {
  const graph = await resolveControlFlow(runtime, model, given);
  return { graph, types: await forwardTypes(runtime, model, graph) };
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
