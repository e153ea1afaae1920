import { ancestors, makersIn } from '../onnx/ancestors.js';
import type { Graph, Node } from '../onnx/proto.js';
import { readBy } from '../onnx/subgraphs.js';

/**
 * Puts the nodes of a training graph where ONNX Runtime runs each as late as it may, those that nothing waits for in the given order.
 *
 * By default ONNX Runtime runs nodes depth first from those whose results no node reads, the last of the list first, each after what it
 * reads, of which the last of the list again comes first (`GraphViewer`). In a training graph as written that begins with the gradient of
 * the first layer: the gradients of all other weights would wait until the end, and what they read would be kept so long. So those that
 * nothing waits for stand first, in reverse order; and before a gradient stands what it needs beside, which would otherwise be computed
 * before the gradient reaches it. The list is for ONNX Runtime alone: the nodes could not run in its order.
 */
export function lateOrder(graph: Graph): Graph {
  const makers = makersIn(graph);
  const read = new Set(graph.node.flatMap(readBy));
  const isLast = ({ output }: Node) => !output.some((name) => read.has(name));
  const forward = ancestors(graph, [graph.output[0]?.name ?? ''], makers);
  /** The last node on the way to the loss that each node needs. */
  const needs: number[] = [];
  graph.node.forEach((node, index) => {
    const before = readBy(node).map((name) => needs[makers.get(name) ?? -1] ?? -1);
    needs.push(forward.has(index) ? index : Math.max(-1, ...before));
  });
  const indices = graph.node.map((_, index) => index);
  const last = indices.filter((index) => isLast(graph.node[index]!));
  const others = indices.filter((index) => !isLast(graph.node[index]!));
  others.sort((a, b) => needs[a]! - needs[b]! || a - b);
  return { ...graph, node: [...last.reverse(), ...others].map((index) => graph.node[index]!) };
}
