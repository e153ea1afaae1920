import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { targetFor } from '../capabilities/target-for.js';
import { type BuiltGraph, buildGraph } from '../compile/build-graph.js';
import { withWeights } from '../compile/put-weights.js';
import { restrictOutputs } from '../compile/restrict-outputs.js';
import type { Target } from '../lowering/targets.js';
import { modelPath } from '../models/hub-model.js';
import { readModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { checked } from '../options/option.js';
import { openRuntime, type Runtime } from '../ort/library.js';
import { openDevice } from '../vectors/device/open.js';
import type { Vector } from '../vectors/parameter-space.js';
import { BatchGraph } from './batch-graph.js';
import { halfKernelsOf } from './half-support.js';
import { ModelWeights } from './model-weights.js';
import { sessionOptions, type TrainingSessionOptions } from './session-options.js';

/** A model's training graph, loaded, and its weights on the device. */
export interface LoadedTraining {
  /** The model without the values of its weights: those are in the buffers. */
  readonly prepared: PreparedModel;
  readonly built: BuiltGraph;
  readonly weights: ModelWeights;
  readonly graph: BatchGraph;
  /** Takes the running statistics that a pass of the graph makes. */
  readonly nextStatistics: Vector;
  readonly runtime: Runtime;
  readonly target: Target;
}

/** See TrainingSession.create. Nothing stays allocated where it fails. */
export async function loadTraining(
  given: ModelProto | string,
  options: TrainingSessionOptions,
): Promise<LoadedTraining> {
  const { precision, dropout, threads, recompute } = checked(sessionOptions, options);
  const model = typeof given === 'string' ? await readModel(await modelPath(given)) : given;
  const { groups, batch, profilePrefix } = options;
  const device = options.device ?? openDevice('cpu', { threads });
  const runtime = options.runtime ?? openRuntime(undefined, device.name);
  const target = options.target ?? (await targetFor(runtime, device.name));
  const prepared = prepareSessionModel(model, options);
  const halfKernels = await halfKernelsOf(runtime, device, precision);
  const built = await buildGraph(runtime, prepared, { ...options, dropout, target, halfKernels, recompute });
  const layout = { parameters: built.parameters, statistics: built.statistics };
  const weights = new ModelWeights(layout, prepared.model.graph.initializer, { groups, device });
  const nextStatistics = weights.statisticsArena.vector(device);
  const loading = { runtime, target, profilePrefix, batch };
  const graph = await BatchGraph.load(built, weights, loading, { nextStatistics }).catch((error) => {
    for (const memory of [weights, nextStatistics]) memory.dispose();
    throw error;
  });
  const empty = weights.bytes(() => new Float32Array());
  return {
    prepared: {
      ...prepared,
      source: withWeights(prepared.source, prepared.origins, empty),
      model: withWeights(prepared.model, new Map(), empty),
    },
    built,
    weights,
    graph,
    nextStatistics,
    runtime,
    target,
  };
}

/** The training graph without its gradients: the loss, and the running statistics that it moves. */
export function loadForward(loaded: LoadedTraining): Promise<BatchGraph> {
  const { built, weights, nextStatistics, runtime, target } = loaded;
  const moved = built.movedStatistics.map(({ output }) => output);
  const forward = restrictOutputs(built, [built.loss, ...moved]);
  return BatchGraph.load(forward, weights, { runtime, target }, { nextStatistics });
}
