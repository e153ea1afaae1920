import { floatAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import { namesIn } from '../../onnx/subgraphs.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { DecomposeContext, type Decomposition } from './context.js';

/** y = s·(x − m)/√(v + ε) + b with the mean m and population variance v of each channel of the batch. */
const batchNormalization: Decomposition = (c) => {
  const [x, scale, bias] = [c.input(0), c.input(1), c.input(2)];
  const dims = c.dims(x);
  const axes = dims.map((_, axis) => axis).filter((axis) => axis !== 1);
  const share = c.scalar(dims[1]! / elementCount(dims));
  const mean = (value: string) => c.op('Mul', [c.sum(value, axes), share]);
  const perChannel = (value: string) => c.reshape(value, [-1, ...Array(dims.length - 2).fill(1)]);
  const centred = c.op('Sub', [x, mean(x)]);
  const variance = mean(c.op('Mul', [centred, centred]));
  const epsilon = c.scalar(floatAttribute(c.node, 'epsilon', 1e-5));
  const deviation = c.op('Sqrt', [c.op('Add', [variance, epsilon])]);
  const scaled = c.op('Mul', [c.op('Div', [centred, deviation]), perChannel(scale)]);
  c.define(0, 'Add', [scaled, perChannel(bias)]);
};

/**
 * A copy of a graph that normalises by the batch's statistics in ops which can be differentiated any number of times; running statistics
 * do not move.
 * @param types types of the graph's values; those of the new values have to be inferred again
 */
export function decomposeBatchNorm(graph: Graph, types: ValueTypes): Graph {
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(namesIn(graph.node));
  for (const node of graph.node) {
    if (opKey(node) === 'BatchNormalization') batchNormalization(new DecomposeContext(node, builder, types));
    else builder.graph.node.push(node);
  }
  return builder.graph;
}
