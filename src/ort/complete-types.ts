import { isStandardDomain } from '../onnx/domains.js';
import type { Graph, ModelProto, Node, Tensor, ValueInfo } from '../onnx/proto.js';
import { isScan } from '../onnx/scan.js';
import { readBy, subgraphs } from '../onnx/subgraphs.js';
import { DataType, elementCount } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { bodyModel, declaredTypes, inferOuterTypes, SMALL, scanInputTypes } from './infer-types.js';
import type { Runtime } from './library.js';

const { float16, bfloat16 } = DataType;

/**
 * Types of all values of a graph, given those of some: ONNX Runtime is asked for what is missing alone, on a graph of the standard operators
 * that make it. What other operators make has to be known.
 * @returns the known types and those found, of values in the bodies of Scan nodes too
 */
export async function completeTypes(
  runtime: Runtime,
  model: ModelProto,
  known: ValueTypes,
): Promise<ValueTypes> {
  const types: ValueTypes = new Map([...known, ...declaredTypes(model.graph)]);
  // Few shapes are left open by inference: the nodes of these alone are run.
  for (const open of ['leave', 'run'] as const) {
    const node = untyped(model.graph, types);
    if (node.length === 0) break;
    const graph: Graph = { ...model.graph, node, input: [], initializer: [] };
    const part = inFloat16(bodyModel(model, graph, [], types));
    const back = [...types.values()].some(({ type }) => type === bfloat16) ? bfloat16 : float16;
    for (const [name, { type, dims }] of await inferOuterTypes(runtime, part, open))
      if (!types.has(name)) types.set(name, { type: type === float16 ? back : type, dims });
  }
  for (const node of model.graph.node.filter(isScan)) {
    const { body, given } = scanInputTypes(node, types);
    for (const [name, type] of await completeTypes(runtime, bodyModel(model, body, given, types), types))
      types.set(name, type);
  }
  return types;
}

/** The nodes, in their order, that make values without a type from values that have one; and those that compute shapes for them. */
function untyped(graph: Graph, types: ValueTypes): Node[] {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const made = new Set<string>();
  const chosen = new Set<Node>();
  const addShapes = (node: Node): void => {
    for (const name of node.input) {
      const maker = makers.get(name);
      if (!maker || chosen.has(maker) || !isShape(name, types) || !isPlain(maker)) continue;
      chosen.add(maker);
      addShapes(maker);
    }
  };
  for (const node of graph.node) {
    const isKnown = node.output.every((name) => name === '' || types.has(name));
    if (isKnown || !isStandard(node) || !readBy(node).every((name) => types.has(name) || made.has(name)))
      continue;
    chosen.add(node);
    for (const name of node.output) made.add(name);
    addShapes(node);
  }
  return graph.node.filter((node) => chosen.has(node));
}

/** MaxPoolGrad and AveragePoolGrad are ONNX Runtime's, in the standard's domain. */
const isStandard = ({ domain, opType }: Node): boolean =>
  isStandardDomain(domain) && !opType.endsWith('PoolGrad');

const isPlain = (node: Node): boolean => isStandard(node) && subgraphs(node).length === 0;

function isShape(name: string, types: ValueTypes): boolean {
  const type = types.get(name);
  return type?.type === DataType.int64 && elementCount(type.dims) <= SMALL;
}

/** A model with float16 in place of bfloat16: ONNX Runtime has few CPU kernels of that, and loads no graph of ops without one. */
function inFloat16(model: ModelProto): ModelProto {
  const { graph } = model;
  const changed = (type: number | undefined) => (type === bfloat16 ? float16 : type);
  const tensor = (each: Tensor): Tensor => ({ ...each, dataType: changed(each.dataType)! });
  const input = graph.input.map((info): ValueInfo => {
    const { elemType, shape } = info.type!.tensorType!;
    return { ...info, type: { tensorType: { elemType: changed(elemType)!, ...(shape && { shape }) } } };
  });
  const node = graph.node.map((each) => ({
    ...each,
    attribute: each.attribute.map((attribute) => ({
      ...attribute,
      ...(attribute.t && { t: tensor(attribute.t) }),
      ...(attribute.name === 'to' && attribute.i !== undefined && { i: changed(Number(attribute.i))! }),
    })),
  }));
  return { ...model, graph: { ...graph, input, node, initializer: graph.initializer.map(tensor) } };
}
