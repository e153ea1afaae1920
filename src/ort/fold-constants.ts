import { hasAttribute, intAttribute } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, ModelProto, Node, Tensor } from '../onnx/proto.js';
import { readBy } from '../onnx/subgraphs.js';
import {
  DataType,
  type DataTypeName,
  dataTypeName,
  elementCount,
  int64Data,
  makeTensor,
} from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import type { Runtime } from './library.js';
import { MADE_FOR_ONCE, Session } from './session.js';

/** Larger constants are computed in each run: they would fill memory for little. */
const LARGEST = 2 ** 24;

/** Ops of random numbers. */
export const RANDOM: ReadonlySet<string> = new Set([
  'Bernoulli',
  'Dropout',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/**
 * Computes, once, what a graph with static shapes makes of constants and shapes alone, and puts the results in as initializers.
 * @param types types of the graph's values
 * @returns the graph itself where there is nothing to compute
 */
export async function foldConstants(runtime: Runtime, model: ModelProto, types: ValueTypes): Promise<Graph> {
  const { graph } = model;
  const outputs = new Set(graph.output.map(({ name }) => name));
  const { isStatic, nodes } = staticPart(graph, types);
  if (nodes.size === 0) return graph;
  const rest = graph.node.filter((node) => !nodes.has(node));
  const wanted = new Set(
    [...rest.flatMap(readBy), ...outputs].filter((name) => isStatic.get(name) === 'computed'),
  );
  const folded = await computeConstants(runtime, model, types, [...wanted]);
  return { ...graph, node: rest, initializer: [...graph.initializer, ...folded.values()] };
}

/** Values of a graph that depend on constants and shapes alone, by name; values that depend on more are left out. */
export async function computeConstants(
  runtime: Runtime,
  model: ModelProto,
  types: ValueTypes,
  wanted: readonly string[],
): Promise<Map<string, Tensor>> {
  const { graph } = model;
  const { isStatic } = staticPart(graph, types);
  const found = new Map<string, Tensor>();
  for (const name of wanted) {
    const given = isStatic.get(name) === 'given' && graph.initializer.find((tensor) => tensor.name === name);
    if (given) found.set(name, given);
  }
  const computed = wanted.filter((name) => isStatic.get(name) === 'computed');
  if (computed.length === 0) return found;
  const part = partFor(graph, computed, types);
  const session = await Session.create(runtime, { ...model, graph: part }, MADE_FOR_ONCE);
  try {
    for (const [name, { type, dims, data }] of await session.run({}))
      found.set(name, makeTensor(name, dataTypeName(type) as DataTypeName, dims, data));
  } finally {
    session.dispose();
  }
  return found;
}

function staticPart(
  graph: Graph,
  types: ValueTypes,
): { isStatic: ReadonlyMap<string, 'given' | 'computed'>; nodes: ReadonlySet<Node> } {
  const isStatic = new Map<string, 'given' | 'computed'>();
  for (const { name, dataType } of graph.initializer)
    if (dataType !== DataType.string) isStatic.set(name ?? '', 'given');
  const nodes = new Set<Node>();
  for (const node of graph.node) {
    const known = node.output.every((name) => name === '' || isHeld(name, types));
    const inputs = node.input.filter(Boolean);
    const constant = inputs.length > 0 && inputs.every((name) => isStatic.has(name)) && isPure(node);
    if (!known || !(constant || shapeValue(node, types))) continue;
    nodes.add(node);
    for (const name of node.output) if (name) isStatic.set(name, 'computed');
  }
  return { isStatic, nodes };
}

function isHeld(name: string, types: ValueTypes): boolean {
  const type = types.get(name);
  return (
    type !== undefined && type.type > 0 && type.type !== DataType.string && elementCount(type.dims) <= LARGEST
  );
}

const isPure = (node: Node): boolean =>
  (!node.domain || node.domain === 'ai.onnx') &&
  !RANDOM.has(opKey(node)) &&
  !node.attribute.some(({ g, graphs }) => g || graphs?.length);

/** What a Shape or Size node gives, from the types. */
function shapeValue(node: Node, types: ValueTypes): Tensor | undefined {
  const key = opKey(node);
  const dims = types.get(node.input[0] ?? '')?.dims;
  const [name] = node.output;
  if (!dims || !name) return undefined;
  if (key === 'Size') return makeTensor(name, 'int64', [], int64Data([elementCount(dims)]));
  if (key !== 'Shape') return undefined;
  const end = hasAttribute(node, 'end') ? intAttribute(node, 'end', 0) : dims.length;
  const part = dims.slice(intAttribute(node, 'start', 0), end);
  return makeTensor(name, 'int64', [part.length], int64Data(part));
}

/** The nodes that values need, with shapes as constants. */
function partFor(graph: Graph, wanted: readonly string[], types: ValueTypes): Graph {
  const needed = new Set(wanted);
  const node: Node[] = [];
  const shapes: Tensor[] = [];
  for (const each of [...graph.node].reverse()) {
    if (!each.output.some((name) => needed.has(name))) continue;
    const shape = shapeValue(each, types);
    if (shape) {
      shapes.push(shape);
      continue;
    }
    node.unshift(each);
    for (const name of each.input) if (name) needed.add(name);
  }
  // An output of a graph must come from a node.
  const shaped = new Set(shapes.map(({ name }) => name));
  const passed = wanted.filter((name) => shaped.has(name));
  const renamed = shapes.map((tensor) =>
    passed.includes(tensor.name ?? '') ? { ...tensor, name: `${tensor.name}/shape` } : tensor,
  );
  const identities = passed.map(
    (name): Node => ({ opType: 'Identity', name, input: [`${name}/shape`], output: [name], attribute: [] }),
  );
  return {
    name: 'constants',
    node: [...identities, ...node],
    initializer: [...graph.initializer.filter(({ name }) => needed.has(name ?? '')), ...renamed],
    input: [],
    output: wanted.map((name) => ({ name, type: { tensorType: { elemType: types.get(name)!.type } } })),
    valueInfo: [],
  };
}
