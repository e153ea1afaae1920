import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { dependents } from '../dependents.js';
import { type ReportNode, rethrow } from '../report-node.js';
import { DecomposeContext } from './context.js';
import { decompositions } from './registry.js';

/**
 * Rewrites the ops that have no gradient rule of their own into differentiable standard ones, with the same outputs. Only nodes
 * that depend on a value of `wrt` are rewritten: the others keep their kernels. What is written is of operator set 17 or newer.
 * @param types types of the graph's values; those of the new values have to be inferred again
 * @returns a new graph, or the graph itself where there is nothing to rewrite
 * @param report takes the errors of single nodes, which stay as they are then; default: they are thrown
 * @throws FlatminError NO_GRADIENT naming a node whose attributes have no decomposition
 */
export function decompose(
  graph: Graph,
  types: ValueTypes,
  wrt: readonly string[],
  report: ReportNode = rethrow,
): Graph {
  const active = dependents(graph.node, wrt);
  const wanted = graph.node.map(
    (node) => opKey(node) in decompositions && node.input.some((name) => active.has(name)),
  );
  if (!wanted.includes(true)) return graph;
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(graph.node.flatMap((node) => [node.name ?? '', ...node.input, ...node.output]));
  graph.node.forEach((node, index) => {
    if (!wanted[index]) {
      builder.graph.node.push(node);
      return;
    }
    const before = builder.graph.node.length;
    try {
      decompositions[opKey(node)]!(new DecomposeContext(node, builder, types));
    } catch (error) {
      builder.graph.node.length = before;
      builder.graph.node.push(node);
      report(node, error);
    }
  });
  return builder.graph;
}
