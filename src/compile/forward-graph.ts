import { replaceDropout } from '../autodiff/prepare/dropout.js';
import { blameFixedBatch, describeFixedBatch } from '../autodiff/prepare/fixed-batch.js';
import { fixInputs } from '../autodiff/prepare/fixed-inputs.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { batchSymbols, dimsOf, fixShapes, type SizeOptions } from '../autodiff/prepare/shapes.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { type SeparatedModel, type SeparateOptions, separate, type Weight } from '../autodiff/separate.js';
import { firstUndecided } from '../autodiff/undecided.js';
import { FlatminError } from '../errors.js';
import type { Compared } from '../losses/compared.js';
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
import { appendLoss, type GraphWithLoss, type LossChoice } from './loss-model.js';
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
  /** What metrics are of; undefined where the loss does not say. */
  readonly compared: Compared | undefined;
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

/** What the steps work with beside the graph. */
interface ForwardContext {
  readonly runtime: Runtime;
  readonly prepared: PreparedModel;
  readonly options: ForwardOptions;
}

/** What the steps have made of the graph, and found out. */
interface Draft extends TypedGraph {
  readonly fixedBatch?: string | undefined;
  /** The loss, once it is appended, and what it has added to the values of the model. */
  readonly ends?: GraphWithLoss & { readonly added: readonly string[] };
  readonly noise?: readonly Weight[];
  readonly separated?: SeparatedModel;
}

/** One step from a prepared model to a forward graph: what it makes of the graph, and finds out about it. */
type Step = (draft: Draft, context: ForwardContext) => Partial<Draft> | Promise<Partial<Draft>>;

const fixSizes: Step = ({ graph }, { prepared, options }) => {
  const sized = fixShapes(graph, options);
  return {
    graph: fixInputs(sized, prepared.constants),
    fixedBatch: describeFixedBatch(graph, batchOf(graph, sized)),
  };
};

const decideControlFlow: Step = async ({ graph, fixedBatch }, { runtime, prepared: { model } }) => ({
  graph: await resolveControlFlow(runtime, model, graph).catch((error) => {
    throw blameFixedBatch(error, fixedBatch);
  }),
});

const inferForward: Step = async ({ graph, fixedBatch }, { runtime, prepared: { model } }) => ({
  types: await forwardTypes(runtime, model, graph).catch((error) => {
    throw blameFixedBatch(error, fixedBatch);
  }),
});

const addLoss: Step = ({ graph, types }, { options }) => {
  const ends = appendLoss(graph, options.loss, types, options);
  const added = ends.graph.node.slice(graph.node.length).flatMap((node) => node.output.filter(Boolean));
  return { graph: ends.graph, ends: { ...ends, added } };
};

const inferLoss: Step = async ({ graph, types }, { runtime, prepared: { model } }) => ({
  types: await completeTypes(runtime, { ...model, graph }, types),
});

const replaceDropouts: Step = ({ graph, types }, { options: { dropout = false } }) =>
  replaceDropout(graph, types, dropout);

const separateWeights: Step = ({ graph, ends, noise }, { prepared: { model, roles }, options }) => {
  const losses = [ends!.loss];
  const separated = separateOrAdvise({ ...model, graph }, { ...options, losses, roles });
  const noisy = new Set(noise!.map(({ name }) => name));
  const dataInputs = separated.dataInputs.filter(({ name }) => !noisy.has(name));
  return { graph: separated.graph, separated: { ...separated, dataInputs } };
};

/** Labels and maps of a classifier are not for training; running statistics move wherever they are. */
const keepNeeded: Step = ({ graph, ends }) => ({
  graph: {
    ...graph,
    node: neededNodes(graph.node, [ends!.loss], (node) => opKey(node) === 'BatchNormalization'),
  },
});

const STEPS: readonly Step[] = [
  fixSizes,
  decideControlFlow,
  inferForward,
  addLoss,
  inferLoss,
  replaceDropouts,
  separateWeights,
  keepNeeded,
];

/** Fixes shapes, resolves control flow, appends the loss, and separates weights from the graph. */
export async function forwardGraph(
  runtime: Runtime,
  prepared: PreparedModel,
  options: ForwardOptions,
): Promise<ForwardGraph> {
  const { batch } = options;
  if (batch !== undefined) checkedValue('batch', count, batch);
  let draft: Draft = { graph: prepared.model.graph, types: new Map() };
  for (const step of STEPS) draft = { ...draft, ...(await step(draft, { runtime, prepared, options })) };
  const { graph, types, fixedBatch, ends, noise, separated } = draft;
  const { loss, lossInputs, compared, added, output, end, notes } = ends!;
  return {
    ...{ types, loss, lossInputs, compared, fixedBatch, output, end, notes },
    separated: { ...separated!, graph },
    lossValues: [loss, ...added],
    noise: noise!,
    initializers: ends!.graph.initializer,
  };
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
