import { FlatminError } from '../errors.js';
import { describeNode } from '../onnx/attributes.js';
import { valueInfo } from '../onnx/builder.js';
import { opKey } from '../onnx/domains.js';
import { type Graph, int64, type ModelProto, type Node } from '../onnx/proto.js';
import { isScan, scanParts } from '../onnx/scan.js';
import { checkShapes } from '../onnx/shapes/check-shapes.js';
import { addReshapes } from '../onnx/shapes/reshapes.js';
import { isCeilMode } from '../onnx/shapes/window.js';
import { readBy, readFromOutside } from '../onnx/subgraphs.js';
import {
  DataType,
  elementBytes,
  elementCount,
  int64Data,
  isFloatingPoint,
  makeTensor,
  tensorData,
  tensorDims,
  viewBytes,
} from '../onnx/tensors/tensor.js';
import type { ValueType, ValueTypes } from '../onnx/value-types.js';
import { foldConstants } from './fold-constants.js';
import type { Runtime } from './library.js';
import { type HostTensor, MADE_FOR_ONCE, Session } from './session.js';

/** Iterations of a Loop whose end depends on the data, on placeholders. */
const MOST_ITERATIONS = 10_000;

/** Constants with more elements are no shapes or bounds: they are not copied to find types. */
export const SMALL = 64;

/**
 * Element type and static shape of every tensor in a graph whose input shapes are static, and in the bodies of its Scan nodes, whose names
 * must not be those of other values.
 * ONNX Runtime is asked: each value is made an output. Shapes that its inference leaves open are found by running once on
 * zeros (ones for floating-point inputs).
 */
export async function inferTypes(runtime: Runtime, model: ModelProto): Promise<ValueTypes> {
  const types = await inferOuterTypes(runtime, model);
  for (const node of model.graph.node.filter(isScan)) {
    const { body, given } = scanInputTypes(node, types);
    for (const [name, type] of await inferTypes(runtime, bodyModel(model, body, given, types)))
      types.set(name, type);
  }
  return types;
}

/** The body of a Scan, and the types of its inputs. */
export function scanInputTypes(node: Node, types: ValueTypes): { body: Graph; given: ValueType[] } {
  const { body, states, inputs } = scanParts(node);
  const slices = inputs.map(({ name, axis }) => sliceType(types.get(name)!, axis));
  return { body, given: [...states.map((name) => types.get(name)!), ...slices] };
}

const sliceType = ({ type, dims }: ValueType, axis: number): ValueType => ({
  type,
  dims: dims.toSpliced(axis, 1),
});

/**
 * A body as a model of its own: what it takes from outside is an input, or a constant where it is a small one.
 * @param given types of the body's inputs
 * @param types types of the values outside
 */
export function bodyModel(
  model: ModelProto,
  body: Graph,
  given: readonly ValueType[],
  types: ValueTypes,
): ModelProto {
  const outside = [...new Set(readFromOutside(body))].filter((name) => types.has(name));
  const constants = new Map(model.graph.initializer.map((tensor) => [tensor.name!, tensor]));
  const isSmall = (name: string) => constants.has(name) && elementCount(types.get(name)!.dims) <= SMALL;
  const info = (name: string, { type, dims }: ValueType) => valueInfo(name, type, dims);
  const graph: Graph = {
    ...body,
    input: [
      ...body.input.map(({ name }, at) => info(name, given[at]!)),
      ...outside.filter((name) => !isSmall(name)).map((name) => info(name, types.get(name)!)),
    ],
    initializer: [...body.initializer, ...outside.filter(isSmall).map((name) => constants.get(name)!)],
    output: [],
    valueInfo: [],
  };
  return { ...model, graph };
}

/** The types of a graph's inputs and initializers. */
export function declaredTypes(graph: Graph): ValueTypes {
  const types: ValueTypes = new Map();
  for (const tensor of graph.initializer)
    types.set(tensor.name ?? '', { type: tensor.dataType ?? 0, dims: tensorDims(tensor) });
  for (const { name, type } of graph.input) {
    if (types.has(name)) continue;
    const dims = (type?.tensorType?.shape?.dim ?? []).map((dim) =>
      dim.dimParam ? -1 : int64(dim.dimValue, -1),
    );
    if (dims.some((dim) => dim < 0)) {
      throw new FlatminError(
        'INVALID_MODEL',
        `Input "${name}" has an open dimension: its shape must be static here.`,
      );
    }
    types.set(name, { type: type?.tensorType?.elemType ?? 0, dims });
  }
  return types;
}

/**
 * Types of the values of a graph, those of subgraphs left out. What inference leaves open comes from shapes alone where it can, else from
 * runs of single nodes on placeholders: never of the whole graph, whose values may fill any memory.
 * @param unknown whether nodes are run for shapes that inference leaves open, or these values are left out
 * @throws FlatminError INVALID_MODEL for shapes that kernels die of, before anything runs
 */
export async function inferOuterTypes(
  runtime: Runtime,
  model: ModelProto,
  unknown: 'run' | 'leave' = 'run',
): Promise<ValueTypes> {
  const graph = bounded(model.graph);
  const types = declaredTypes(graph);
  const opaque = await inferStatic(runtime, { ...model, graph }, types);
  checkShapes(graph.node, types);
  if (unknown === 'run') await completeOpen(runtime, { ...model, graph }, types, opaque);
  return types;
}

/**
 * Adds to the types what ONNX Runtime infers without running.
 * @returns names of values that are no tensors of numbers
 */
async function inferStatic(runtime: Runtime, model: ModelProto, types: ValueTypes): Promise<Set<string>> {
  const { graph } = model;
  const opaque = new Set<string>();
  const output = valuesOf(graph.node).map((name) => ({ name }));
  const session = await Session.create(runtime, { ...model, graph: { ...graph, output } }, MADE_FOR_ONCE);
  try {
    const untrusted = behindCeilMode(graph.node);
    for (const { name, type, dims } of session.outputs) {
      if (!isNumeric(type)) opaque.add(name);
      else if (!untrusted.has(name) && dims?.every((dim): dim is number => typeof dim === 'number'))
        types.set(name, { type, dims });
    }
  } finally {
    session.dispose();
  }
  return opaque;
}

/** Values behind a window with ceil_mode: ONNX Runtime 1.30 infers one window too many where the last would start in the padding. */
function behindCeilMode(nodes: readonly Node[]): Set<string> {
  const found = new Set<string>();
  for (const node of nodes)
    if (isCeilMode(node) || readBy(node).some((name) => found.has(name)))
      for (const name of node.output) found.add(name);
  return found;
}

const valuesOf = (nodes: readonly Node[]): string[] =>
  nodes.flatMap(({ output }) => output.filter((name) => name !== ''));

const isNumeric = (type: number): boolean => type > 0 && type !== DataType.string;

/**
 * Nodes with open types that may be looked at, over all rounds: a few seconds. Of real models there are some hundred in a few rounds; where
 * each round opens a single node of a chain, the square of its length.
 */
const MOST_LOOKED_AT = 150_000;

/**
 * Adds the types that inference left open, nearest to the inputs first: each one found lets it infer more.
 * @throws FlatminError INVALID_MODEL where so many shapes hang on each other, one by one, that this would not end in time
 */
async function completeOpen(
  runtime: Runtime,
  model: ModelProto,
  types: ValueTypes,
  opaque: Set<string>,
): Promise<void> {
  let { graph } = model;
  let lookedAt = 0;
  for (;;) {
    graph = await foldConstants(runtime, { ...model, graph }, types);
    addReshapes(graph, types);
    const open = graph.node.filter(({ output }) =>
      output.some((name) => name !== '' && !types.has(name) && !opaque.has(name)),
    );
    if (open.length === 0) return checkShapes(graph.node, types);
    lookedAt += open.length;
    if (lookedAt > MOST_LOOKED_AT)
      throw new FlatminError(
        'INVALID_MODEL',
        `The shapes of ${open.length} nodes, from ${describeNode(open[0]!)} on, are computed from each other one by one in a chain too long to follow: export the model with fixed shapes, or simplify it.`,
      );
    const before = types.size;
    const part = partOf(
      { ...model, graph },
      withMakers(graph, open, (name) => opaque.has(name)),
      types,
    );
    for (const name of await inferStatic(runtime, part, types)) opaque.add(name);
    checkShapes(graph.node, types);
    if (types.size > before) continue;
    await runReady(runtime, { ...model, graph }, open, types, opaque);
    checkShapes(graph.node, types);
    if (types.size === before) return;
  }
}

/** Nodes of a graph as a model of their own; what they read besides are inputs, or constants where they are small. */
const partOf = (model: ModelProto, node: Node[], types: ValueTypes): ModelProto =>
  bodyModel(model, { ...model.graph, node, input: [], initializer: [] }, [], types);

/** The nodes, in the graph's order, and those that make what they read where it is wanted, and so on. */
function withMakers(
  graph: Graph,
  nodes: readonly Node[],
  isWanted: (name: string, maker: Node) => boolean,
): Node[] {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const chosen = new Set(nodes);
  for (const node of chosen) {
    for (const name of readBy(node)) {
      const maker = makers.get(name);
      if (maker && isWanted(name, maker)) chosen.add(maker);
    }
  }
  return graph.node.filter((node) => chosen.has(node));
}

/** Numbers that are no activations are computed where shapes may hang on them, if they are no more than these. */
const MOST_COMPUTED = 2 ** 20;

/** Finds the shapes of what nodes make by running those on placeholders whose inputs are typed, or made of such. */
async function runReady(
  runtime: Runtime,
  model: ModelProto,
  nodes: readonly Node[],
  types: ValueTypes,
  opaque: ReadonlySet<string>,
): Promise<void> {
  const found = new Set(types.keys());
  const isReady = (node: Node) => readBy(node).every((name) => found.has(name));
  for (const node of model.graph.node)
    if (isReady(node)) for (const name of node.output) if (opaque.has(name)) found.add(name);
  const isComputed = (name: string, maker: Node): boolean => {
    const type = types.get(name);
    if (!type) return opaque.has(name);
    return !isFloatingPoint(type.type) && elementCount(type.dims) <= MOST_COMPUTED && isReady(maker);
  };
  const part = partOf(model, withMakers(model.graph, nodes.filter(isReady), isComputed), types);
  const output = valuesOf(part.graph.node)
    .filter((name) => !opaque.has(name))
    .map((name) => ({ name }));
  const session = await Session.create(runtime, { ...part, graph: { ...part.graph, output } }, MADE_FOR_ONCE);
  try {
    const feeds = Object.fromEntries(
      session.inputs.map(({ name }) => [name, placeholder(name, types.get(name)!)]),
    );
    for (const [name, { type, dims }] of await session.run(feeds)) types.set(name, { type, dims: [...dims] });
  } finally {
    session.dispose();
  }
}

/** The graph with Loops that end, whatever their conditions make of placeholders. */
function bounded(graph: Graph): Graph {
  const limits = new Map(
    graph.initializer
      .filter(({ dataType }) => dataType === DataType.int64)
      .map((tensor) => [tensor.name, tensor]),
  );
  const isOpen = ({ input: [trips = ''] }: Node) => {
    const limit = limits.get(trips);
    return trips === '' || (limit !== undefined && Number(tensorData(limit)[0]) > MOST_ITERATIONS);
  };
  if (!graph.node.some((node) => opKey(node) === 'Loop' && isOpen(node))) return graph;
  const most = 'iterations/most';
  return {
    ...graph,
    initializer: [...graph.initializer, makeTensor(most, 'int64', [], int64Data([MOST_ITERATIONS]))],
    node: graph.node.map((node) =>
      opKey(node) === 'Loop' && isOpen(node) ? { ...node, input: [most, ...node.input.slice(1)] } : node,
    ),
  };
}

function placeholder(name: string, { type, dims }: ValueType): HostTensor {
  const count = elementCount(dims);
  const data = viewBytes(new Uint8Array(count * elementBytes(type)), type, `input "${name}"`);
  if (isFloatingPoint(type) && (type === DataType.float || type === DataType.double))
    (data as Float32Array).fill(1);
  return { type, dims, data };
}
