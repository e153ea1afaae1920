import type { Attribute, Graph, Node } from '../../../onnx/proto.js';
import { definedIn } from '../../../onnx/subgraphs.js';
import { type Renaming, renameNode } from '../rename.js';

/** A copy of a body in which all values that it and its subgraphs define have new names. */
export function freshBody(body: Graph, fresh: (hint: string) => string): Graph {
  const names = new Map([...definedIn(body)].filter(Boolean).map((name) => [name, fresh(name)]));
  const rename: Renaming = (name) => names.get(name) ?? name;
  return renameBody({ ...body, node: body.node.map((node) => freshInside(node, fresh)) }, rename);
}

/** A copy of a body with other names for some values, those that it defines itself included. */
export function renameBody(body: Graph, rename: Renaming): Graph {
  return {
    ...body,
    input: body.input.map((each) => ({ ...each, name: rename(each.name) })),
    initializer: body.initializer.map((each) => ({ ...each, name: rename(each.name ?? '') })),
    node: body.node.map((node) => renameNode(node, rename)),
    output: body.output.map((each) => ({ ...each, name: rename(each.name) })),
    valueInfo: [],
  };
}

const freshInside = (node: Node, fresh: (hint: string) => string): Node => ({
  ...node,
  attribute: node.attribute.map((each): Attribute => {
    if (!each.g && !each.graphs?.length) return each;
    return {
      ...each,
      ...(each.g && { g: freshBody(each.g, fresh) }),
      ...(each.graphs?.length && { graphs: each.graphs.map((graph) => freshBody(graph, fresh)) }),
    };
  }),
});
