import type { Graph } from './proto.js';
import { readBy } from './subgraphs.js';

/** The node that makes each value, by its place in the graph. */
export const makersIn = ({ node }: Pick<Graph, 'node'>): Map<string, number> =>
  new Map(node.flatMap(({ output }, index) => output.filter(Boolean).map((name) => [name, index] as const)));

/** The places of all nodes that some values follow from. */
export function ancestors(graph: Graph, values: readonly string[], makers = makersIn(graph)): Set<number> {
  const found = new Set<number>();
  const waiting = [...values];
  while (waiting.length > 0) {
    const index = makers.get(waiting.pop()!);
    if (index === undefined || found.has(index)) continue;
    found.add(index);
    waiting.push(...readBy(graph.node[index]!));
  }
  return found;
}
