import { intAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { microsoft, opKey } from '../../onnx/domains.js';
import type { Graph, Node, Tensor } from '../../onnx/proto.js';
import { namesIn } from '../../onnx/subgraphs.js';
import { asFloat32, isHalfPrecision } from '../../onnx/tensors/floats.js';
import { DataType, elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/** Operators whose results are elements of their operands, or zero, or what any precision holds: rounding changes nothing. */
const EXACT = new Set([
  ...['Abs', 'Clip', 'Compress', 'Concat', 'ConstantOfShape', 'DepthToSpace', 'Expand', 'Flatten', 'Gather'],
  ...['GatherElements', 'GatherND', 'GlobalMaxPool', 'Identity', 'Max', 'MaxPool', 'MaxUnpool', 'Min', 'Neg'],
  ...['Pad', 'ReduceMax', 'ReduceMin', 'Relu', 'Reshape', 'ReverseSequence', 'Sign', 'Slice', 'SpaceToDepth'],
  ...['Split', 'Squeeze', 'Tile', 'TopK', 'Transpose', 'Trilu', 'Unsqueeze', 'Where'],
  ...['ReluGrad', 'Trilu'].map((op) => `${microsoft}:${op}`),
]);

/**
 * A graph in mixed precision for a device without half-precision kernels: float32 kernels compute everything, and each half-precision
 * value is rounded to what half precision holds, overflow to infinity included.
 *
 * ONNX Runtime's CPU provider would insert casts by itself, but only for float16, and it then removes those that follow each other: most
 * values would never be rounded.
 * @returns a new graph and the types of its values, none of half precision but inside the roundings
 */
export function emulateHalf(graph: Graph, types: ValueTypes): { graph: Graph; types: ValueTypes } {
  const typeOf = (name: string): number => types.get(name)?.type ?? 0;
  const builder = new GraphBuilder({ ...graph, node: [], initializer: graph.initializer.map(widened) });
  builder.reserve(namesIn(graph.node));
  const known: ValueTypes = new Map(
    [...types].map(([name, { type, dims }]) => [
      name,
      { type: isHalfPrecision(type) ? DataType.float : type, dims },
    ]),
  );
  const step = (
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number>>,
    type: { type: number; dims: readonly number[] },
    name = builder.fresh(`${inputs[0]}_rounding`),
  ) => {
    known.set(name, type);
    return builder.op(opType, inputs, attributes, { outputs: [name] });
  };
  /** Reshaped in between: ONNX Runtime takes two casts in a row, there and back, for none. */
  const round = (source: string, name: string): void => {
    const [half, { dims }] = [typeOf(name), known.get(source)!];
    if (dims.includes(0)) {
      builder.op('Identity', [source], {}, { outputs: [name] });
      return;
    }
    const flat = dims.length === 1 ? [1, dims[0]!] : [elementCount(dims)];
    const narrow = step('Cast', [source], { to: half }, { type: half, dims });
    const apart = step('Reshape', [narrow, builder.ints(flat)], {}, { type: half, dims: flat });
    const wide = step('Cast', [apart], { to: DataType.float }, { type: DataType.float, dims: flat });
    step('Reshape', [wide, builder.ints(dims)], {}, { type: DataType.float, dims }, name);
  };
  for (const node of graph.node) {
    const rounded = node.output.filter((name) => isHalfPrecision(typeOf(name)) && !isExact(node, typeOf));
    const names = new Map(rounded.map((name) => [name, builder.fresh(`${name}_unrounded`)]));
    for (const [name, source] of names) known.set(source, known.get(name)!);
    const output = node.output.map((name) => names.get(name) ?? name);
    builder.graph.node.push({ ...inFloat32(node, typeOf), output });
    for (const [name, source] of names) round(source, name);
  }
  return { graph: builder.graph, types: known };
}

function isExact(node: Node, typeOf: (name: string) => number): boolean {
  const fromTruth = node.opType === 'Cast' && typeOf(node.input[0]!) === DataType.bool;
  return fromTruth || EXACT.has(opKey(node));
}

/** The node with float32 in place of half precision. */
function inFloat32(node: Node, typeOf: (name: string) => number): Node {
  if (opKey(node) === 'Cast') {
    const from = typeOf(node.input[0]!);
    const to = intAttribute(node, 'to', 0);
    const wide = (type: number) => (isHalfPrecision(type) ? DataType.float : type);
    if (wide(from) === wide(to)) return { ...node, opType: 'Identity', attribute: [] };
    if (!isHalfPrecision(to)) return node;
    return { ...node, attribute: node.attribute.map((each) => ({ ...each, i: DataType.float })) };
  }
  const attribute = node.attribute.map((each) => (each.t ? { ...each, t: widened(each.t) } : each));
  return { ...node, attribute };
}

const widened = (tensor: Tensor): Tensor =>
  isHalfPrecision(tensor.dataType ?? 0) ? asFloat32(tensor) : tensor;
