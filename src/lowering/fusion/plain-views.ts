import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { namesIn, readBy, subgraphs } from '../../onnx/subgraphs.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { forms } from './forms/forms.js';
import { readersOf } from './readers.js';

/** Ops that give the same elements another shape, at no cost. */
const RESHAPING = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

export const isReshape = (node: Node): boolean => RESHAPING.has(opKey(node));

/**
 * Gives each reader of a reshaped value that may be part of a region a reshape of its own, which can be part of that region.
 * @param types takes the types of the new values
 */
export function reshapePerReader(graph: Graph, types: ValueTypes): Graph {
  const readers = readersOf(graph.node);
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(namesIn(graph.node));
  const isOutput = new Set(graph.output.map(({ name }) => name));
  /** Per reading node, the names that it has for values. */
  const renamed = new Map<number, Map<string, string>>();
  graph.node.forEach((node, index) => {
    const names = renamed.get(index);
    const current = names ? { ...node, input: node.input.map((name) => names.get(name) ?? name) } : node;
    builder.graph.node.push(current);
    const output = node.output[0]!;
    if (!isReshape(node)) return;
    const all = readers.get(output) ?? [];
    const candidates = all.filter((reader) => opKey(graph.node[reader]!) in forms);
    const isShared = isOutput.has(output) || candidates.length < all.length;
    for (const reader of isShared ? candidates : candidates.slice(1)) {
      const copy = builder.fresh(output);
      types.set(copy, types.get(output)!);
      builder.graph.node.push({ ...current, name: builder.fresh(node.opType), output: [copy] });
      renamed.set(reader, (renamed.get(reader) ?? new Map()).set(output, copy));
    }
  });
  return builder.graph;
}

/** Leaves out Identity nodes: readers read what they copy, and what is copied to an output is made under its name. */
export function withoutIdentities(graph: Graph): Graph {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const made = new Set(graph.node.flatMap(({ output }) => output));
  const inSubgraphs = new Set(
    graph.node.filter((node) => subgraphs(node).length > 0).flatMap((node) => readBy(node)),
  );
  const renamed = new Map<string, string>();
  const current = (name: string): string => {
    const next = renamed.get(name);
    return next === undefined ? name : current(next);
  };
  const kept = graph.node.filter((node) => {
    if (opKey(node) !== 'Identity') return true;
    const [source, copy] = [current(node.input[0]!), node.output[0]!];
    if (!outputs.has(copy) && !inSubgraphs.has(copy)) renamed.set(copy, source);
    else if (outputs.has(copy) && made.has(source) && !outputs.has(source) && !inSubgraphs.has(source))
      renamed.set(source, copy);
    else return true;
    return false;
  });
  const node = kept.map((each) => ({
    ...each,
    input: each.input.map(current),
    output: each.output.map(current),
  }));
  return { ...graph, node };
}
