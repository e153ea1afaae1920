import { uniqueBodies } from '../autodiff/prepare/bodies.js';
import { inlineControlFlow, isControlFlow } from '../autodiff/prepare/control-flow.js';
import { toEvaluationForm } from '../autodiff/prepare/evaluation-form.js';
import { foldSources } from '../autodiff/prepare/fold-sources.js';
import { uniqueNodeNames } from '../autodiff/prepare/rename.js';
import { valueInfo } from '../onnx/builder.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import { elementCount, isFloatingPoint, tensorDims } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { inferOuterTypes, inferTypes } from '../ort/infer-types.js';
import type { Runtime } from '../ort/library.js';
import { decideLoops } from './loop-decisions.js';

/** Initializers with more elements are no shapes, bounds or scales, and are not copied into ONNX Runtime to find shapes. */
const SMALL = 64;
/** Control flow in control flow. */
const DEPTH = 16;

/** Types of all values of a graph with static input shapes; the values of large tensors are left out of it. */
export function forwardTypes(
  runtime: Runtime,
  model: ModelProto,
  graph: Graph,
  infer = inferTypes,
): Promise<ValueTypes> {
  const isLarge = (tensor: Graph['initializer'][number]) =>
    isFloatingPoint(tensor.dataType ?? 0) && elementCount(tensorDims(tensor)) > SMALL;
  const large = graph.initializer.filter(isLarge);
  const input = [
    ...graph.input,
    ...large.map((tensor) => valueInfo(tensor.name!, tensor.dataType!, tensorDims(tensor))),
  ];
  const initializer = graph.initializer.filter((tensor) => !isLarge(tensor));
  return infer(runtime, { ...model, graph: { ...graph, input, initializer, output: [] } });
}

/**
 * Replaces If and Loop nodes that constants and shapes decide by what they come to, and Scan nodes: by their steps, or, of many steps, by a
 * Scan that has a gradient. The others stay.
 */
export async function resolveControlFlow(runtime: Runtime, model: ModelProto, graph: Graph): Promise<Graph> {
  let current = graph;
  const settled = new Set<string>();
  for (let round = 0; round < DEPTH; round++) {
    if (!current.node.some(isControlFlow)) return current;
    const types = await forwardTypes(runtime, model, current, inferOuterTypes);
    const found = await decideLoops(runtime, model, current, types, settled, resolveControlFlow);
    const next = inlineControlFlow(current, found.constants, found.decisions);
    if (next === current) return uniqueBodies(current);
    current = uniqueNodeNames(toEvaluationForm(foldSources(next).graph).graph);
  }
  return uniqueBodies(current);
}
