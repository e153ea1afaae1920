import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { isScan, scanParts, withBody } from '../../onnx/scan.js';
import { namesIn } from '../../onnx/subgraphs.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { dependents } from '../dependents.js';
import { type ReportNode, rethrow } from '../report-node.js';
import { DecomposeContext } from './context.js';
import { decompositions, isDecomposed } from './registry.js';

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
  if (!isAnyRewritten(graph.node, wrt)) return graph;
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(namesIn(graph.node));
  rewrite(graph.node, wrt, builder, types, report);
  return builder.graph;
}

/** What gradients are wanted of inside a body: all that it takes in may hang on what they are wanted of outside. */
const insideOf = (body: Graph, active: ReadonlySet<string>): string[] => [
  ...active,
  ...body.input.map(({ name }) => name),
];

const isRewritten = (node: Node, active: ReadonlySet<string>): boolean =>
  isDecomposed(node) && node.input.some((name) => active.has(name));

function isAnyRewritten(nodes: readonly Node[], wrt: readonly string[]): boolean {
  const active = dependents(nodes, wrt);
  return nodes.some((node) => {
    if (!isScan(node)) return isRewritten(node, active);
    const { body } = scanParts(node);
    return isAnyRewritten(body.node, insideOf(body, active));
  });
}

function rewrite(
  nodes: readonly Node[],
  wrt: readonly string[],
  builder: GraphBuilder,
  types: ValueTypes,
  report: ReportNode,
): void {
  const active = dependents(nodes, wrt);
  for (const node of nodes) {
    if (isScan(node)) {
      const { body } = scanParts(node);
      const inner = builder.nested({ ...body, node: [], initializer: [...body.initializer] });
      rewrite(body.node, insideOf(body, active), inner, types, report);
      builder.graph.node.push(withBody(node, inner.graph));
      continue;
    }
    if (!isRewritten(node, active)) {
      builder.graph.node.push(node);
      continue;
    }
    const before = builder.graph.node.length;
    try {
      decompositions[opKey(node)]!(new DecomposeContext(node, builder, types));
    } catch (error) {
      builder.graph.node.length = before;
      builder.graph.node.push(node);
      report(node, error);
    }
  }
}
