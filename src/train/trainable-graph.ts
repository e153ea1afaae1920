import { decidingInputs, inlineControlFlow, isControlFlow } from '../autodiff/prepare/control-flow.js';
import { toEvaluationForm } from '../autodiff/prepare/evaluation-form.js';
import { foldSources } from '../autodiff/prepare/fold-sources.js';
import { uniqueNodeNames } from '../autodiff/prepare/rename.js';
import { valueInfo } from '../onnx/builder.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import { elementCount, isFloatingPoint, tensorDims } from '../onnx/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { computeConstants } from '../runtime/fold-constants.js';
import { inferTypes } from '../runtime/infer-types.js';
import type { Runtime } from '../runtime/library.js';

/** Initializers with more elements are no shapes, bounds or scales, and are not copied into ONNX Runtime to find shapes. */
const SMALL = 64;
/** Control flow in control flow. */
const DEPTH = 16;

/** Types of all values of a graph with static input shapes; the values of large tensors are left out of it. */
export function forwardTypes(runtime: Runtime, model: ModelProto, graph: Graph): Promise<ValueTypes> {
  const isLarge = (tensor: Graph['initializer'][number]) =>
    isFloatingPoint(tensor.dataType ?? 0) && elementCount(tensorDims(tensor)) > SMALL;
  const large = graph.initializer.filter(isLarge);
  const input = [
    ...graph.input,
    ...large.map((tensor) => valueInfo(tensor.name!, tensor.dataType!, tensorDims(tensor))),
  ];
  const initializer = graph.initializer.filter((tensor) => !isLarge(tensor));
  return inferTypes(runtime, { ...model, graph: { ...graph, input, initializer, output: [] } });
}

/** Replaces If and Loop nodes that constants and shapes decide by what they come to; the others stay. */
export async function resolveControlFlow(runtime: Runtime, model: ModelProto, graph: Graph): Promise<Graph> {
  let current = graph;
  for (let round = 0; round < DEPTH; round++) {
    const nodes = current.node.filter(isControlFlow);
    if (nodes.length === 0) return current;
    const types = await forwardTypes(runtime, model, current);
    const constants = await computeConstants(
      runtime,
      { ...model, graph: current },
      types,
      nodes.flatMap(decidingInputs),
    );
    const next = inlineControlFlow(current, constants);
    if (next === current) return current;
    current = uniqueNodeNames(toEvaluationForm(foldSources(next).graph).graph);
  }
  return current;
}
