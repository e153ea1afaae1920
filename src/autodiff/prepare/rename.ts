import type { Attribute, Graph, Node } from '../../onnx/proto.js';
import { definedIn, subgraphs } from '../../onnx/subgraphs.js';

export { definedIn, readBy, subgraphs } from '../../onnx/subgraphs.js';

/** The new name of a value; the same name where it keeps it. */
export type Renaming = (name: string) => string;

/** A copy of a node whose values have other names; names that a subgraph defines itself stay. */
export function renameNode(node: Node, rename: Renaming): Node {
  const renamed = (name: string) => (name === '' ? '' : rename(name));
  return {
    ...node,
    input: node.input.map(renamed),
    output: node.output.map(renamed),
    attribute: node.attribute.map((attribute) => renameAttribute(attribute, rename)),
  };
}

function renameAttribute(attribute: Attribute, rename: Renaming): Attribute {
  if (!attribute.g && !attribute.graphs?.length) return attribute;
  return {
    ...attribute,
    ...(attribute.g && { g: renameOuter(attribute.g, rename) }),
    ...(attribute.graphs?.length && { graphs: attribute.graphs.map((graph) => renameOuter(graph, rename)) }),
  };
}

/** Renames what a subgraph reads from outside. */
function renameOuter(graph: Graph, rename: Renaming): Graph {
  const own = definedIn(graph);
  const outer: Renaming = (name) => (own.has(name) ? name : rename(name));
  return {
    ...graph,
    node: graph.node.map((node) => renameNode(node, outer)),
    output: graph.output.map((output) => ({ ...output, name: outer(output.name) })),
  };
}

/** A copy of a graph with its nodes, those of subgraphs included, replaced. */
export function mapNodes(graph: Graph, replace: (node: Node) => readonly Node[]): Graph {
  return {
    ...graph,
    node: graph.node.flatMap((node) => {
      const attribute = node.attribute.map((each) => ({
        ...each,
        ...(each.g && { g: mapNodes(each.g, replace) }),
        ...(each.graphs?.length && { graphs: each.graphs.map((inner) => mapNodes(inner, replace)) }),
      }));
      return replace(subgraphs(node).length > 0 ? { ...node, attribute } : node);
    }),
  };
}

/** A copy of a graph in which no two nodes have the same name (subgraphs aside). */
export function uniqueNodeNames(graph: Graph): Graph {
  const taken = new Set(graph.node.map(({ name }) => name ?? ''));
  const seen = new Set<string>();
  const node = graph.node.map((each) => {
    const name = each.name ?? '';
    if (name === '' || !seen.has(name)) {
      seen.add(name);
      return each;
    }
    let fresh = name;
    for (let count = 1; taken.has(fresh); count++) fresh = `${name}_${count}`;
    taken.add(fresh);
    return { ...each, name: fresh };
  });
  return { ...graph, node };
}
