import { appendHessianProduct, type ProductBound } from '../autodiff/hessian-product.js';
import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { buildTrainingGraph } from '../autodiff/training-graph.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Runtime } from '../ort/library.js';
import { assemble, type BuiltGraph, type GraphOptions, passContext } from './build-graph.js';
import { asPrepared } from './loss-model.js';
import { lowered, loweredForGradient, runPasses, twiceDifferentiable } from './pipeline.js';
import { restrictOutputs } from './restrict-outputs.js';

/** A graph from (batch, parameters w, running statistics, direction v) to (loss, ∇²L(w)·v). */
export interface HessianGraph extends BuiltGraph {
  /** `output` names the parameter's part of the product; empty where that is zero. */
  readonly parameters: readonly ProductBound[];
}

/**
 * From a forward model to Hessian-vector products of its loss for one batch size: the gradient graph, in ops that have a gradient
 * themselves, is differentiated once more. Running statistics never move.
 * @throws FlatminError NO_GRADIENT naming an op without a first or second derivative
 */
export async function buildHessianGraph(
  runtime: Runtime,
  given: ModelProto | PreparedModel,
  options: GraphOptions,
): Promise<HessianGraph> {
  const context = {
    ...(await passContext(runtime, asPrepared(given), options)),
    ...({ precision: 'fp32', halfKernels: 'none' } as const),
  };
  const { separated, loss, types } = context.forward;
  const source = await runPasses({ graph: separated.graph, types }, twiceDifferentiable, context);
  const first = buildTrainingGraph({ ...separated, ...source, loss }, { batchNorm: 'running' });
  const gradient = await runPasses(first, loweredForGradient, context);
  const second = appendHessianProduct(gradient.graph, gradient.types, first.parameters);
  const product = await runPasses({ ...gradient, graph: second.graph }, lowered, context);
  const built = await assemble(product, context);
  const outputs = second.parameters.map(({ output }) => output).filter((output) => output !== '');
  return { ...restrictOutputs(built, [loss, ...outputs]), parameters: second.parameters };
}
