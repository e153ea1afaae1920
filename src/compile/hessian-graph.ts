import { decomposeBatchNorm } from '../autodiff/decompose/batch-statistics.js';
import { appendHessianProduct, type ProductBound } from '../autodiff/hessian-product.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { buildTrainingGraph, trainingModel } from '../autodiff/training-graph.js';
import { lower } from '../lowering/lower.js';
import { standard } from '../lowering/targets.js';
import type { ModelProto } from '../onnx/proto.js';
import { completeTypes } from '../ort/complete-types.js';
import { inferTypes } from '../ort/infer-types.js';
import type { Runtime } from '../ort/library.js';
import {
  type BuiltGraph,
  builtGraph,
  differentiableGraph,
  forwardGraph,
  type GraphOptions,
} from './build-graph.js';
import { asPrepared } from './loss-model.js';
import { restrictOutputs } from './restrict-outputs.js';

/** A graph from (batch, parameters w, running statistics, direction v) to (loss, ∇²L(w)·v), in standard operators. */
export interface HessianGraph extends BuiltGraph {
  /** `output` names the parameter's part of the product; empty where that is zero. */
  readonly parameters: readonly ProductBound[];
}

/**
 * From a forward model to Hessian-vector products of its loss for one batch size: the gradient graph, lowered to standard operators, is
 * differentiated once more. Running statistics never move.
 * @throws FlatminError NO_GRADIENT naming an op without a first or second derivative
 */
export async function buildHessianGraph(
  runtime: Runtime,
  given: ModelProto | PreparedModel,
  options: Omit<GraphOptions, 'target'>,
): Promise<HessianGraph> {
  const prepared = asPrepared(given);
  const { model } = prepared;
  const forward = await forwardGraph(runtime, prepared, options);
  const { separated, loss } = forward;
  let { graph, types } = await differentiableGraph(runtime, model, forward);
  if (options.batchNorm === 'batch') {
    graph = decomposeBatchNorm(graph, types);
    types = await inferTypes(runtime, { ...model, graph: { ...graph, output: [] } });
  }
  const first = buildTrainingGraph({ ...separated, graph }, types, loss, 'running');
  const gradient = lower(first.graph, types, standard);
  const known = await inferTypes(runtime, { ...model, graph: { ...gradient, output: [] } });
  const second = appendHessianProduct(gradient, known, first.parameters);
  const lowered = lower(second.graph, known, standard);
  const product = trainingModel(lowered, known, model.opsetImport);
  const complete = await completeTypes(runtime, product, known);
  const built = builtGraph(prepared, forward, { ...first, types: complete }, product);
  const outputs = second.parameters.map(({ output }) => output).filter((output) => output !== '');
  return { ...restrictOutputs(built, [loss, ...outputs]), parameters: second.parameters };
}
