import { FlatminError } from '../../errors.js';
import { describeNode } from '../../onnx/attributes.js';
import { emptyGraph } from '../../onnx/builder.js';
import type { Attribute, FunctionProto, Graph, ModelProto, Node } from '../../onnx/proto.js';
import { uniqueBodies } from './bodies.js';
import { definedIn, mapNodes, renameNode, subgraphs } from './rename.js';

/** Functions in functions: no exporter nests deeper. */
const DEPTH = 64;

/** Nodes that calls may come to: functions that call others twice each are soon more than fit any memory. */
const NODES = 100_000;

const key = (domain: string | undefined, name: string | undefined, overload: string | undefined): string =>
  `${domain ?? ''}:${name ?? ''}:${overload ?? ''}`;

/**
 * Replaces every call of a local function, in bodies of If and Loop too, by the function's body, with attribute references filled in.
 * @throws FlatminError INVALID_MODEL for a function that calls itself, and for calls that come to too many nodes
 */
export function inlineFunctions(model: ModelProto): ModelProto {
  if (!model.functions?.length) return model;
  const functions = new Map(
    model.functions.map((body) => [key(body.domain, body.name, body.overload), body]),
  );
  checkSize(model.graph, functions);
  const inliner = new Inliner(functions, model.graph);
  // Bodies of a function that is called twice come twice.
  const graph = uniqueBodies(inliner.expandAll(model.graph));
  return { ...model, graph, functions: [], opsetImport: importsOf(model, graph) };
}

/** The model's operator sets, and those that only its functions import. */
function importsOf(model: ModelProto, graph: Graph): ModelProto['opsetImport'] {
  const domain = (name: string | undefined) => (name === 'ai.onnx' ? '' : (name ?? ''));
  const used = new Set<string>();
  mapNodes(graph, (node) => {
    used.add(domain(node.domain));
    return [node];
  });
  const imports = new Map(model.opsetImport.map((entry) => [domain(entry.domain), entry]));
  for (const entry of model.functions.flatMap((body) => body.opsetImport)) {
    if (!imports.has(domain(entry.domain))) imports.set(domain(entry.domain), entry);
  }
  return [...imports.values()].filter(
    (entry) => domain(entry.domain) === '' || used.has(domain(entry.domain)),
  );
}

type Functions = ReadonlyMap<string, FunctionProto>;

const called = (node: Node, functions: Functions): FunctionProto | undefined =>
  functions.get(key(node.domain, node.opType, node.overload));

/** Before anything is expanded. */
function checkSize(graph: Graph, functions: Functions): void {
  const sizes = new Map<FunctionProto, number>();
  const open = new Set<FunctionProto>();
  const sizeOfAll = (nodes: readonly Node[]): number => nodes.reduce((sum, node) => sum + sizeOf(node), 0);
  const sizeOf = (node: Node): number => {
    const body = called(node, functions);
    if (!body) return subgraphs(node).reduce((sum, inner) => sum + sizeOfAll(inner.node), 1);
    const known = sizes.get(body);
    if (known !== undefined) return known;
    if (open.has(body))
      throw new FlatminError('INVALID_MODEL', `${describeNode(node)} is a function that calls itself.`);
    if (open.size >= DEPTH)
      throw new FlatminError(
        'INVALID_MODEL',
        `${describeNode(node)} is a function that is called through more than ${DEPTH} others.`,
      );
    open.add(body);
    const size = sizeOfAll(body.node) + body.output.length;
    open.delete(body);
    sizes.set(body, size);
    return size;
  };
  let total = 0;
  mapNodes(graph, (node) => {
    const size = called(node, functions) ? sizeOf(node) : 0;
    total += size;
    if (total > NODES)
      throw new FlatminError(
        'INVALID_MODEL',
        `The function "${node.opType}" comes to ${size.toLocaleString('en')} nodes with all that it calls, and the model's calls up to ${describeNode(node)} to ${total.toLocaleString('en')}: expected at most ${NODES.toLocaleString('en')}.`,
      );
    return [node];
  });
}

class Inliner {
  private readonly taken: Set<string>;

  constructor(
    private readonly functions: Functions,
    graph: Graph,
  ) {
    this.taken = definedIn(graph);
    mapNodes(graph, (node) => {
      for (const name of node.output) this.taken.add(name);
      for (const inner of subgraphs(node)) for (const name of definedIn(inner)) this.taken.add(name);
      return [node];
    });
  }

  expand(node: Node): Node[] {
    const body = called(node, this.functions);
    if (!body) return [node];
    const bound = new Map<string, string>();
    body.input.forEach((name, index) => {
      bound.set(name, node.input[index] ?? '');
    });
    body.output.forEach((name, index) => {
      if (node.output[index] && !bound.has(name)) bound.set(name, node.output[index]);
    });
    const prefix = node.name || node.output.find(Boolean) || node.opType;
    const rename = (name: string): string => {
      if (!bound.has(name)) bound.set(name, this.fresh(`${prefix}/${name}`));
      return bound.get(name)!;
    };
    const values = new Map(
      [...(body.attributeProto ?? []), ...node.attribute].map((attribute) => [attribute.name, attribute]),
    );
    const passed = passThrough(body, node);
    const inlined = body.node.map((inner) => {
      const renamed = renameNode(fillReferences(inner, values), rename);
      renamed.name = `${prefix}/${inner.name || inner.opType}`;
      return renamed;
    });
    return [...this.expandAll({ ...emptyGraph(prefix), node: inlined }).node, ...passed];
  }

  /** The calls of a graph and of the bodies in it. */
  expandAll(graph: Graph): Graph {
    return mapNodes(graph, (node) => this.expand(node));
  }

  private fresh(hint: string): string {
    let name = hint;
    for (let count = 1; this.taken.has(name); count++) name = `${hint}_${count}`;
    this.taken.add(name);
    return name;
  }
}

/** An output of a function that is one of its inputs takes a node of its own. */
function passThrough(body: FunctionProto, call: Node): Node[] {
  return body.output.flatMap((name, position) => {
    const index = body.input.indexOf(name);
    const output = call.output[position];
    if (index < 0 || !output) return [];
    const input = [call.input[index] ?? ''];
    return [{ opType: 'Identity', name: `${output}/pass`, input, output: [output], attribute: [] }];
  });
}

/** Puts the call's attributes where the body refers to them; what neither the call nor a default gives is left out. */
function fillReferences(node: Node, values: ReadonlyMap<string, Attribute>): Node {
  const attribute = node.attribute.flatMap((each): Attribute[] => {
    if (each.refAttrName) {
      const value = values.get(each.refAttrName);
      return value ? [{ ...value, name: each.name }] : [];
    }
    const inner = (graph: Graph): Graph => ({
      ...graph,
      node: graph.node.map((one) => fillReferences(one, values)),
    });
    if (!each.g && !each.graphs?.length) return [each];
    return [
      {
        ...each,
        ...(each.g && { g: inner(each.g) }),
        ...(each.graphs?.length && { graphs: each.graphs.map(inner) }),
      },
    ];
  });
  return { ...node, attribute };
}
