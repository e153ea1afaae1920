import { FlatminError } from '../../errors.js';
import { nearNames } from '../../onnx/near-names.js';
import type { Graph } from '../../onnx/proto.js';
import { subgraphs } from './rename.js';

/**
 * A graph in which a value that is wanted as an output is one. A value inside a branch or loop is left for when that is resolved.
 * @throws FlatminError INVALID_MODEL with names that are like one that does not exist
 */
export function withOutput(graph: Graph, name: string | undefined): Graph {
  if (name === undefined || graph.output.some((output) => output.name === name)) return graph;
  if (graph.node.some((node) => node.output.includes(name)))
    return { ...graph, output: [...graph.output, { name }] };
  const inner = [...innerValues(graph)];
  if (!inner.includes(name)) throw noOutput(graph, name, inner);
  return graph;
}

/** The error for an output that a graph does not have. */
export function noOutput(graph: Graph, name: string, inner: readonly string[] = []): FlatminError {
  const outputs = graph.output.map((output) => output.name);
  const values = [...outputs, ...graph.node.flatMap(({ output }) => output.filter(Boolean)), ...inner];
  const near = nearNames(name, values);
  const isInside = inner.includes(name);
  return new FlatminError(
    'INVALID_MODEL',
    isInside
      ? `"${name}" is inside a branch or loop that stays one, so it is no value that a loss can take.`
      : `The model has no output "${name}"; its outputs are ${outputs.join(', ')}. Nor has it another value of that name${near.length > 0 ? `, but ${near.join(', ')}` : ''}.`,
  );
}

/** Names of values that branches and loops make. */
export function innerValues(graph: Graph): Set<string> {
  const found = new Set<string>();
  const visit = (inner: Graph) => {
    for (const node of inner.node) {
      for (const name of node.output) if (name) found.add(name);
      subgraphs(node).forEach(visit);
    }
  };
  for (const node of graph.node) subgraphs(node).forEach(visit);
  return found;
}
