import { append } from '../../onnx/append.js';
import { GraphBuilder, valueInfo } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node, ValueInfo } from '../../onnx/proto.js';
import { readBy, subgraphs } from '../../onnx/subgraphs.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { forms } from './forms/forms.js';

/** Ops that give the same elements another shape, at no cost. */
const RESHAPING = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** Whether a node can be part of its readers' regions alone: its result is no value of its own, or one that regions do not store. */
export const isForReaders = (node: Node, types: ValueTypes): boolean =>
  RESHAPING.has(opKey(node)) || types.get(node.output[0]!)?.type === DataType.bool;

/**
 * Gives each reader that may be part of a region its own reshape of a value, and its own comparison, which can be part of that region.
 * @param types takes the types of the new values
 */
export function repeatPerReader(graph: Graph, types: ValueTypes): Graph {
  const builder = new GraphBuilder(graph);
  const isOutput = new Set(graph.output.map(({ name }) => name));
  const readers = new Map<string, Node[]>();
  const nodes: Node[] = [];
  // From the last to the first: what a copy reads may be repeated for it.
  for (const given of [...graph.node].reverse()) {
    const node = { ...given, input: [...given.input] };
    const output = node.output[0]!;
    const all = readers.get(output) ?? [];
    const candidates =
      opKey(node) in forms && isForReaders(node, types) ? all.filter((reader) => opKey(reader) in forms) : [];
    const isShared = isOutput.has(output) || candidates.length < all.length;
    const copies = candidates.slice(isShared ? 0 : 1).map((reader) => {
      const name = builder.fresh(output);
      types.set(name, types.get(output)!);
      reader.input = reader.input.map((each) => (each === output ? name : each));
      return { ...node, name: builder.fresh(node.opType), input: [...node.input], output: [name] };
    });
    for (const each of [...copies, node]) {
      nodes.push(each);
      for (const name of new Set(readBy(each))) append(readers, name, each);
    }
  }
  return { ...graph, node: nodes.reverse() };
}

/**
 * Leaves out Identity nodes: readers read what they copy, and what is copied to an output is made under its name, with its shape declared
 * (ONNX Runtime's MaxPoolGrad takes the shape of what it makes from there).
 * @param types takes those of such outputs
 */
export function withoutIdentities(graph: Graph, types: ValueTypes): Graph {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const made = new Set(graph.node.flatMap(({ output }) => output));
  const inSubgraphs = new Set(
    graph.node.filter((node) => subgraphs(node).length > 0).flatMap((node) => readBy(node)),
  );
  const renamed = new Map<string, string>();
  const declared = new Map<string, ValueInfo>();
  const nameOutput = (output: string, source: string): string => {
    const known = types.get(output) ?? types.get(source);
    if (known) {
      types.set(output, known);
      declared.set(output, valueInfo(output, known.type, known.dims));
    }
    return output;
  };
  const current = (name: string): string => {
    const next = renamed.get(name);
    return next === undefined ? name : current(next);
  };
  const kept = graph.node.filter((node) => {
    if (opKey(node) !== 'Identity') return true;
    const [source, copy] = [current(node.input[0]!), node.output[0]!];
    if (!outputs.has(copy) && !inSubgraphs.has(copy)) renamed.set(copy, source);
    else if (outputs.has(copy) && made.has(source) && !outputs.has(source) && !inSubgraphs.has(source))
      renamed.set(source, nameOutput(copy, source));
    else return true;
    return false;
  });
  const node = kept.map((each) => ({
    ...each,
    input: each.input.map(current),
    output: each.output.map(current),
  }));
  const output = graph.output.map((info) => declared.get(info.name) ?? info);
  return { ...graph, node, output };
}
