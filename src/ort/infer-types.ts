import { FlatminError } from '../errors.js';
import { intAttribute } from '../onnx/attributes.js';
import { valueInfo } from '../onnx/builder.js';
import { opKey } from '../onnx/domains.js';
import { type Graph, int64, type ModelProto, type Node } from '../onnx/proto.js';
import { isScan, scanParts } from '../onnx/scan.js';
import { readFromOutside } from '../onnx/subgraphs.js';
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
} from '../onnx/tensor.js';
import type { ValueType, ValueTypes } from '../onnx/value-types.js';
import type { Runtime } from './library.js';
import { type HostTensor, Session } from './session.js';

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
 * Types of the values of a graph, those of subgraphs left out.
 * @param unknown whether the graph is run for shapes that inference leaves open, or these values are left out
 */
export async function inferOuterTypes(
  runtime: Runtime,
  model: ModelProto,
  unknown: 'run' | 'leave' = 'run',
): Promise<ValueTypes> {
  const { graph } = model;
  const types = declaredTypes(graph);
  const values = graph.node.flatMap((node) => node.output).filter((name) => name !== '');
  const output = values.map((name) => ({ name }));
  const probe: ModelProto = { ...model, graph: { ...bounded(graph), output } };
  const options = { optimizationLevel: 0, intraOpThreads: 1 };
  const session = await Session.create(runtime, probe, options);
  try {
    // ONNX Runtime 1.30 infers one window too many where the last of ceil_mode would start in the padding.
    const trusted = !graph.node.some((node) => intAttribute(node, 'ceil_mode', 0) === 1);
    const open: string[] = [];
    for (const { name, type, dims } of session.outputs) {
      if (trusted && dims?.every((dim): dim is number => typeof dim === 'number'))
        types.set(name, { type, dims });
      else open.push(name);
    }
    if (open.length > 0 && unknown === 'run') {
      const tensors = session.outputs
        .filter(({ type }) => type > 0 && type !== DataType.string)
        .map(({ name }) => ({ name }));
      const whole = tensors.length === session.outputs.length;
      const runnable = whole
        ? session
        : await Session.create(runtime, { ...probe, graph: { ...probe.graph, output: tensors } }, options);
      const feeds = Object.fromEntries(
        session.inputs.map(({ name }) => [name, placeholder(name, types.get(name)!)]),
      );
      try {
        for (const [name, { type, dims }] of await runnable.run(feeds))
          types.set(name, { type, dims: [...dims] });
      } finally {
        if (!whole) runnable.dispose();
      }
    }
  } finally {
    session.dispose();
  }
  return types;
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
