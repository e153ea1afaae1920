import { opKey } from '../../onnx/domains.js';
import { copyMessage } from '../../onnx/model.js';
import type { Graph, Node, Tensor } from '../../onnx/proto.js';
import { isFloatingPoint } from '../../onnx/tensors/tensor.js';
import { constantOf, type Origin } from './fold-sources.js';
import { definedIn, type Renaming, renameNode, subgraphs } from './rename.js';

/** A copy of a node with its bodies replaced; the node itself where it has none. */
export function mapBodies(node: Node, replace: (body: Graph) => Graph): Node {
  if (subgraphs(node).length === 0) return node;
  const attribute = node.attribute.map((each) =>
    each.g || each.graphs?.length
      ? Object.assign(copyMessage(each), {
          ...(each.g && { g: replace(each.g) }),
          ...(each.graphs?.length && { graphs: each.graphs.map(replace) }),
        })
      : each,
  );
  return Object.assign(copyMessage(node), { attribute });
}

/** A copy of a graph in which no value of a body (of an If, a Loop, a Scan) has the name of another value. */
export function uniqueBodies(graph: Graph): Graph {
  if (!graph.node.some((node) => subgraphs(node).length > 0)) return graph;
  const taken = definedIn(graph);
  const fresh = (hint: string): string => {
    let name = hint;
    for (let count = 1; taken.has(name); count++) name = `${hint}_${count}`;
    taken.add(name);
    return name;
  };
  const inBody = (body: Graph): Graph => {
    const own = new Map([...definedIn(body)].filter(Boolean).map((name) => [name, fresh(name)]));
    const rename: Renaming = (name) => own.get(name) ?? name;
    const called = <T extends { name?: string }>(each: T): T => ({ ...each, name: rename(each.name ?? '') });
    return {
      ...body,
      input: body.input.map(called),
      output: body.output.map(called),
      initializer: body.initializer.map(called),
      valueInfo: body.valueInfo.map(called),
      node: body.node.map((node) => mapBodies(renameNode(node, rename), inBody)),
    };
  };
  return { ...graph, node: graph.node.map((node) => mapBodies(node, inBody)) };
}

/** A graph whose bodies hold no floating-point constants: they are initializers of the graph itself. */
export interface Lifted {
  readonly graph: Graph;
  /** Of what was lifted. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** @param graph one whose bodies' values have names of their own */
export function liftTensors(graph: Graph): Lifted {
  const origins = new Map<string, Origin>();
  const lifted: Tensor[] = [];
  const lift = (tensor: Tensor, origin: Origin) => {
    lifted.push(tensor);
    origins.set(tensor.name ?? '', origin);
  };
  const isFloat = (tensor: Tensor) => isFloatingPoint(tensor.dataType ?? 0);
  const fromBody = (body: Graph): Graph => {
    const outputs = new Set(body.output.map(({ name }) => name));
    for (const tensor of body.initializer)
      if (isFloat(tensor) && !outputs.has(tensor.name ?? '')) lift(tensor, 'initializer');
    const node = body.node.flatMap((each): Node[] => {
      const output = each.output[0] ?? '';
      const tensor = opKey(each) === 'Constant' ? constantOf(each, output) : undefined;
      if (!tensor || !isFloat(tensor) || outputs.has(output)) return [mapBodies(each, fromBody)];
      lift(tensor, 'constant');
      return [];
    });
    const initializer = body.initializer.filter(({ name }) => !origins.has(name ?? ''));
    return { ...body, node, initializer };
  };
  const node = graph.node.map((each) => mapBodies(each, fromBody));
  if (lifted.length === 0) return { graph, origins };
  return { graph: { ...graph, node, initializer: [...graph.initializer, ...lifted] }, origins };
}
