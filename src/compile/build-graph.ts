import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import type { SeparatedModel, Weight } from '../autodiff/separate.js';
import { buildTrainingGraph, type TrainingGraph, trainingModel } from '../autodiff/training-graph.js';
import type { Compared } from '../losses/compared.js';
import type { LossInput } from '../losses/loss.js';
import type { Target } from '../lowering/targets.js';
import { defaultIrVersion } from '../onnx/builder.js';
import { int64, type ModelProto } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { completeTypes } from '../ort/complete-types.js';
import type { Runtime } from '../ort/library.js';
import { type ForwardOptions, forwardGraph } from './forward-graph.js';
import { asPrepared } from './loss-model.js';
import { differentiable, lowered, type PassContext, precise, runPasses } from './pipeline.js';
import type { Precision } from './precision.js';
import { type Recomputation, recompute } from './recompute/recompute.js';

export interface GraphOptions extends ForwardOptions {
  target: Target;
  /** Statistics that BatchNormalization uses. Default 'batch'. */
  batchNorm?: 'batch' | 'running' | undefined;
  /** What the graph computes with; 'tf32' is a float32 graph. Default 'fp32'. */
  precision?: Precision | undefined;
  /**
   * Which operators (or domain:operator) the device has half-precision kernels of. Default 'none', as on a CPU: float32 kernels compute
   * everything, and their results are rounded.
   */
  halfKernels?: 'none' | ((op: string) => boolean) | undefined;
  /**
   * Whether forward values are computed again for the gradients in place of being kept: true, as many as save memory, or a share of the
   * activation memory in (0, 1) that is to do, at the least time. Default false.
   */
  recompute?: boolean | number | undefined;
}

/** A training graph as a runtime with the target's kernels can load it. */
export interface BuiltGraph extends Omit<TrainingGraph, 'graph'> {
  readonly model: ModelProto;
  /** Of all values of the model's graph. */
  readonly types: ValueTypes;
  /** Inputs that take labels or targets. */
  readonly lossInputs: readonly LossInput[];
  /** What metrics are of; undefined where the loss does not say. */
  readonly compared: Compared | undefined;
  /** Inputs of uniform numbers in [0, 1) that decide what Dropout drops. */
  readonly noise: readonly Weight[];
  readonly classified: SeparatedModel['classified'];
  /** What gives the output another batch than the inputs have. */
  readonly fixedBatch: string | undefined;
  /** What the loss has decided that the user should know. */
  readonly notes: readonly string[];
  /** Running statistics that the graph reads; `movedStatistics` are those that it moves. */
  readonly statistics: readonly Weight[];
  /** What is computed again, where that was asked for. */
  readonly recomputation?: Recomputation;
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
  const context = await passContext(runtime, asPrepared(given), options);
  return assemble(await runPasses(await gradientGraph(context), lowered, context), context);
}

/** What the passes need to know: the forward graph of a model, and what is asked of its training graph. */
export async function passContext(
  runtime: Runtime,
  prepared: PreparedModel,
  options: GraphOptions,
): Promise<PassContext> {
  const { target, batchNorm = 'batch', precision = 'fp32', halfKernels = 'none' } = options;
  const { recompute = false } = options;
  const forward = await forwardGraph(runtime, prepared, options);
  return { runtime, model: prepared.model, forward, target, batchNorm, precision, halfKernels, recompute };
}

/** The training graph, in training ops: what is lowered then. */
export async function gradientGraph(context: PassContext): Promise<TrainingGraph> {
  const { separated, loss, types } = context.forward;
  const passes = [...differentiable, ...precise.activations];
  const forward = await runPasses({ graph: separated.graph, types }, passes, context);
  const scaled = context.precision === 'fp16';
  const { batchNorm, report } = context;
  const gradients = buildTrainingGraph({ ...separated, ...forward, loss }, { batchNorm, scaled, report });
  return runPasses(gradients, precise.results, context);
}

/** A lowered training graph as a model, and all that is told of it. */
export async function assemble(
  { graph, ...training }: TrainingGraph,
  { runtime, target, model: { opsetImport, irVersion }, forward, recompute: asked }: PassContext,
): Promise<BuiltGraph> {
  const { separated, lossInputs, compared, noise, fixedBatch, notes } = forward;
  const lowered = trainingModel(graph, training.types, opsetImport);
  const completed = await completeTypes(runtime, lowered, training.types);
  const finished = target.finish?.(graph, completed) ?? graph;
  const recomputed = asked && recompute(finished, completed, asked === true ? undefined : asked);
  const types = recomputed ? recomputed.types : completed;
  const model = trainingModel(recomputed ? recomputed.graph : finished, types, opsetImport);
  return {
    ...training,
    ...(recomputed && { recomputation: recomputed.recomputation }),
    types,
    model: { ...model, irVersion: Math.max(defaultIrVersion, int64(irVersion)) },
    lossInputs,
    compared,
    noise,
    fixedBatch,
    classified: separated.classified,
    notes,
    statistics: separated.statistics,
  };
}
