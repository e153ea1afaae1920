import type { Graph, ModelProto, Node, Tensor } from './proto.js';

export const subgraphs = (node: Node): Graph[] =>
  node.attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...(graphs ?? [])]);

/** Values that a graph defines: inputs, initializers, outputs of its nodes. */
export function definedIn(graph: Graph): Set<string> {
  return new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name ?? ''),
    ...graph.node.flatMap(({ output }) => output),
  ]);
}

/** Everything a node reads, what its subgraphs take from outside included. */
export function readBy(node: Node): string[] {
  const inputs = node.input.filter(Boolean);
  return holdsSubgraph(node) ? [...inputs, ...subgraphs(node).flatMap(readFromOutside)] : inputs;
}

/** What a subgraph reads and does not define, each as often as it reads it. */
export function readFromOutside(graph: Graph): string[] {
  const own = definedIn(graph);
  return [...graph.node.flatMap(readBy), ...graph.output.map(({ name }) => name)].filter(
    (name) => !own.has(name),
  );
}

const holdsSubgraph = (node: Node): boolean => node.attribute.some(({ g, graphs }) => g || graphs?.length);

/** Every name in nodes, those of their subgraphs included. */
export function namesIn(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => [
    node.name ?? '',
    ...node.input,
    ...node.output,
    ...(holdsSubgraph(node) ? subgraphs(node).flatMap(namesOf) : []),
  ]);
}

const namesOf = (graph: Graph): string[] => [...definedIn(graph), ...namesIn(graph.node)];

/** Every tensor in a model: initializers, and those in attributes; of subgraphs and functions too. */
export function tensorsOf({ graph, functions }: ModelProto): Tensor[] {
  return [...tensorsIn(graph), ...(functions ?? []).flatMap(({ node }) => node.flatMap(tensorsInNode))];
}

const tensorsIn = ({ initializer, node }: Graph): Tensor[] => [
  ...initializer,
  ...node.flatMap(tensorsInNode),
];

const tensorsInNode = (node: Node): Tensor[] =>
  node.attribute.flatMap(({ t, tensors, g, graphs }) => [
    ...(t ? [t] : []),
    ...(tensors ?? []),
    ...(g ? tensorsIn(g) : []),
    ...(graphs ?? []).flatMap(tensorsIn),
  ]);
