import { decomposeBatchNorm } from '../autodiff/decompose/batch-statistics.js';
import { decompose } from '../autodiff/decompose/decompose.js';
import { emulateHalf } from '../autodiff/precision/emulate.js';
import { toHalfPrecision } from '../autodiff/precision/half-precision.js';
import { requireHalfKernels } from '../autodiff/precision/kernels.js';
import { rules } from '../autodiff/registry.js';
import type { ReportNode } from '../autodiff/report-node.js';
import { lower, lowerings } from '../lowering/lower.js';
import { standard, type Target } from '../lowering/targets.js';
import { defaultOpset } from '../onnx/builder.js';
import { isStandardDomain } from '../onnx/domains.js';
import { type Graph, int64, type ModelProto } from '../onnx/proto.js';
import { definedIn, namesIn } from '../onnx/subgraphs.js';
import type { TypedGraph } from '../onnx/typed-graph.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { completeTypes } from '../ort/complete-types.js';
import { foldConstants } from '../ort/fold-constants.js';
import { inferTypes } from '../ort/infer-types.js';
import type { Runtime } from '../ort/library.js';
import type { ForwardGraph } from './forward-graph.js';
import type { Precision } from './precision.js';

/** What the passes from a forward graph on know beside the graph. */
export interface PassContext {
  readonly runtime: Runtime;
  /** Whose operator sets the graph has. */
  readonly model: ModelProto;
  readonly forward: ForwardGraph;
  readonly target: Target;
  readonly batchNorm: 'batch' | 'running';
  readonly precision: Precision;
  readonly halfKernels: 'none' | ((op: string) => boolean);
  /** See GraphOptions. Default false. */
  readonly recompute?: boolean | number;
  /** Takes the errors of single nodes; default: they are thrown. */
  readonly report?: ReportNode;
}

/** One step of the way from a forward graph to one that a runtime loads: makes a new graph, and leaves its own alone. */
export type Pass = (given: TypedGraph, context: PassContext) => TypedGraph | Promise<TypedGraph>;

/** What comes of a graph, with all else that is told of it. */
export async function runPasses<G extends TypedGraph>(
  given: G,
  passes: readonly Pass[],
  context: PassContext,
): Promise<G> {
  let current = withOwnTypes(given);
  for (const pass of passes) current = withOwnTypes({ ...current, ...(await pass(current, context)) });
  return current;
}

/** Without the types of values that are no longer in the graph: new values may get their names. */
function withOwnTypes<G extends TypedGraph>(given: G): G {
  const { graph, types } = given;
  const names = new Set([...definedIn(graph), ...namesIn(graph.node)]);
  return { ...given, types: new Map([...types].filter(([name]) => names.has(name))) };
}

const isMixed = (precision: Precision): boolean => precision === 'fp16' || precision === 'bf16';

const infer = ({ runtime, model }: PassContext, graph: Graph): Promise<ValueTypes> =>
  inferTypes(runtime, { ...model, graph: { ...graph, output: [] } });

const computeConstants: Pass = async ({ graph, types }, { runtime, model }) => ({
  graph: await foldConstants(runtime, { ...model, graph: { ...graph, output: [] } }, types),
  types,
});

/** Rewrites ops that have no gradient of their own. */
const decomposeOps: Pass = async ({ graph, types }, context) => {
  const wrt = context.forward.separated.parameters.map(({ name }) => name);
  const decomposed = decompose(graph, types, wrt, context.report);
  return decomposed === graph
    ? { graph, types }
    : { graph: decomposed, types: await infer(context, decomposed) };
};

/** Writes batch normalisation by the batch out in ops that have a second derivative. */
const decomposeStatistics: Pass = async ({ graph, types }, context) => {
  if (context.batchNorm !== 'batch') return { graph, types };
  const decomposed = decomposeBatchNorm(graph, types);
  return { graph: decomposed, types: await infer(context, decomposed) };
};

/** Puts activations into half precision. */
const halveActivations: Pass = ({ graph, types }, { forward, precision, batchNorm }) => {
  if (!isMixed(precision)) return { graph, types };
  const { separated, noise, lossValues } = forward;
  const neutral = [...separated.parameters, ...separated.statistics, ...noise].map(({ name }) => name);
  const type = precision === 'fp16' ? 'float16' : 'bfloat16';
  return toHalfPrecision(graph, types, { type, neutral, loss: lossValues, batchNorm });
};

/** Rounds by float32 kernels what the device has no half-precision kernels for. */
const emulatePrecision: Pass = ({ graph, types }, { precision, halfKernels }) =>
  isMixed(precision) && halfKernels === 'none' ? emulateHalf(graph, types) : { graph, types };

/** Of the training ops those that have a gradient, in place of the target's. */
const differentiableOnce: Target = {
  ...standard,
  ops: new Set(Object.keys(lowerings).filter((op) => op in rules)),
};

const lowerForGradient: Pass = async ({ graph, types }, { runtime, model, report }) => {
  const lowered = lower(graph, types, differentiableOnce, report);
  return { graph: lowered, types: await completeTypes(runtime, { ...model, graph: lowered }, types) };
};

const lowerOps: Pass = ({ graph, types }, { target, report }) => ({
  graph: lower(graph, types, target, report),
  types,
});

const requireKernels: Pass = (given, { halfKernels, model }) => {
  if (halfKernels !== 'none') requireHalfKernels(given.graph, given.types, standardOpset(model), halfKernels);
  return given;
};

const standardOpset = ({ opsetImport }: ModelProto): number =>
  int64(opsetImport.find(({ domain }) => isStandardDomain(domain))?.version, defaultOpset);

/** From a forward graph to one of ops that have gradients. */
export const differentiable: readonly Pass[] = [computeConstants, decomposeOps];
/** To one whose gradients have gradients too. */
export const twiceDifferentiable: readonly Pass[] = [...differentiable, decomposeStatistics];
/** Before gradients are appended, and after. */
export const precise: Readonly<Record<'activations' | 'results', readonly Pass[]>> = {
  activations: [halveActivations],
  results: [emulatePrecision],
};
/** From training ops to what the target has kernels for. */
export const lowered: readonly Pass[] = [lowerOps, requireKernels];
/** To a graph that can be differentiated once more. */
export const loweredForGradient: readonly Pass[] = [lowerForGradient];
