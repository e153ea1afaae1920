import { FlatminError } from '../../errors.js';
import { describeNode } from '../../onnx/attributes.js';
import type { Graph, ModelProto, Node } from '../../onnx/proto.js';
import { readBy, subgraphs } from '../../onnx/subgraphs.js';

/**
 * A model whose nodes, those of subgraphs and functions included, come after what they read, as ONNX Runtime sorts them when it loads a
 * file. The order stays where it is right, and the model is the given one where all of it is.
 * @param source what errors call the model
 * @throws FlatminError INVALID_MODEL naming a node that waits for its own result
 */
export function sortModel(model: ModelProto, source: string): ModelProto {
  const graph = sortGraph(model.graph, source);
  const functions = (model.functions ?? []).map((body) => {
    const node = sortNodes(body.node, source);
    return node === body.node ? body : { ...body, node };
  });
  const same = graph === model.graph && functions.every((body, index) => body === model.functions[index]);
  return same ? model : { ...model, graph, functions };
}

function sortGraph(graph: Graph, source: string): Graph {
  const node = sortNodes(graph.node, source);
  return node === graph.node ? graph : { ...graph, node };
}

function sortNodes(given: Node[], source: string): Node[] {
  const nodes = sortInside(given, source);
  const maker = new Map<string, number>();
  nodes.forEach(({ output }, index) => {
    for (const name of output) if (name && !maker.has(name)) maker.set(name, index);
  });
  const needs = nodes.map((node) =>
    readBy(node).flatMap((name) => (maker.has(name) ? [maker.get(name)!] : [])),
  );
  if (needs.every((before, index) => before.every((other) => other < index))) return nodes;

  const sorted: Node[] = [];
  const state = new Uint8Array(nodes.length);
  const [waiting, done] = [1, 2];
  for (const start of nodes.keys()) {
    // A stack of its own: chains of nodes are longer than calls may nest.
    const stack = [start];
    while (stack.length > 0) {
      const index = stack.at(-1)!;
      const missing = needs[index]!.find((other) => state[other] !== done);
      if (state[index] === done) stack.pop();
      else if (missing === undefined) {
        sorted.push(nodes[index]!);
        state[index] = done;
        stack.pop();
      } else if (state[missing] === waiting || missing === index) throw cycle(nodes[missing]!, source);
      else {
        state[index] = waiting;
        stack.push(missing);
      }
    }
  }
  return sorted;
}

/** The nodes with their subgraphs sorted. */
function sortInside(nodes: Node[], source: string): Node[] {
  let changed = false;
  const inside = nodes.map((node): Node => {
    if (subgraphs(node).every((graph) => sortGraph(graph, source) === graph)) return node;
    changed = true;
    const attribute = node.attribute.map((each) => ({
      ...each,
      ...(each.g && { g: sortGraph(each.g, source) }),
      ...(each.graphs?.length && { graphs: each.graphs.map((graph) => sortGraph(graph, source)) }),
    }));
    return { ...node, attribute };
  });
  return changed ? inside : nodes;
}

const cycle = (node: Node, source: string): FlatminError =>
  new FlatminError(
    'INVALID_MODEL',
    `${source}: ${describeNode(node)} reads, by way of other nodes, what it makes itself: its nodes have no order in which they can run.`,
  );
