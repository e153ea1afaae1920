import { readBy } from '../onnx/subgraphs.js';
import type { BuiltGraph } from './build-graph.js';

/** The graph with some of its outputs alone, without the nodes and constants that only the others need. */
export function restrictOutputs(built: BuiltGraph, outputs: readonly string[]): BuiltGraph {
  const { graph } = built.model;
  const needed = new Set(outputs);
  const node = graph.node
    .toReversed()
    .filter((each) => {
      if (!each.output.some((name) => needed.has(name))) return false;
      for (const name of readBy(each)) needed.add(name);
      return true;
    })
    .reverse();
  const restricted = {
    ...graph,
    node,
    initializer: graph.initializer.filter(({ name }) => needed.has(name!)),
    output: graph.output.filter(({ name }) => outputs.includes(name!)),
  };
  return { ...built, model: { ...built.model, graph: restricted } };
}
