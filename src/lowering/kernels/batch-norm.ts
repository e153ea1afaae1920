import { float, floatAttribute, makeAttribute } from '../../onnx/attributes.js';
import { flatminDomain, microsoft, opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/**
 * Gives batch normalisation in training its own kernels, with the ReLU behind it, the ReLU's gradient before its gradient, and the
 * sum that its dX goes into:
 *
 *   BatchNormInternal → Relu                         becomes  BatchNorm(relu = 1)
 *   ReluGrad → BatchNormalizationGrad → Add(dX, z)   becomes  BatchNormGrad(relu = 1, addend = z)
 *
 * where nothing else reads the values in between.
 */
export function fuseBatchNorm(graph: Graph, types: ValueTypes): Graph {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const readers = new Map<string, Node[]>();
  const producers = new Map<string, Node>();
  for (const node of graph.node) {
    for (const name of readBy(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
    for (const name of node.output) producers.set(name, node);
  }
  /** The one node that reads a value, if it is of the given op. */
  const soleReader = (value: string, op: string): Node | undefined => {
    const all = readers.get(value) ?? [];
    return all.length === 1 && !outputs.has(value) && opKey(all[0]!) === op ? all[0] : undefined;
  };

  const replaced = new Map<Node, Node | undefined>();
  const withRelu = new Map<Node, Node>();
  for (const node of graph.node) {
    if (
      opKey(node) !== `${microsoft}:BatchNormInternal` ||
      types.get(node.input[0]!)?.type !== DataType.float
    )
      continue;
    const relu = soleReader(node.output[0]!, 'Relu');
    const attributes = {
      epsilon: float(floatAttribute(node, 'epsilon', 1e-5)),
      momentum: float(floatAttribute(node, 'momentum', 0.9)),
      relu: Number(Boolean(relu)),
    };
    const output = relu ? [relu.output[0]!, ...node.output.slice(1)] : node.output;
    replaced.set(node, kernelNode('BatchNorm', node, node.input, output, attributes));
    if (relu) {
      replaced.set(relu, undefined);
      withRelu.set(node, relu);
    }
  }
  for (const node of graph.node) {
    if (opKey(node) !== `${microsoft}:BatchNormalizationGrad`) continue;
    const forward = producers.get(node.input[3]!);
    if (!forward || !replaced.has(forward)) continue;
    const relu = withRelu.get(forward);
    const reluGrad = producers.get(node.input[0]!);
    const masks =
      relu &&
      reluGrad &&
      opKey(reluGrad) === `${microsoft}:ReluGrad` &&
      reluGrad.input[1] === relu.output[0] &&
      soleReader(reluGrad.output[0]!, opKey(node));
    const [x, scale, mean, r] = node.input.slice(1);
    const input = [masks ? reluGrad.input[0]! : node.input[0]!, x!, scale!, forward.input[2]!, mean!, r!];
    const sum = soleReader(node.output[0]!, 'Add');
    const addend = sum?.input.find((name) => name !== node.output[0]);
    const joins = sum && addend && sameShape(types, addend, node.output[0]!) && !replaced.has(sum);
    const output = joins ? [sum.output[0]!, ...node.output.slice(1)] : node.output;
    const fused = kernelNode('BatchNormGrad', node, joins ? [...input, addend] : input, output, {
      relu: Number(Boolean(masks)),
    });
    if (masks) replaced.set(reluGrad, undefined);
    replaced.set(node, joins ? undefined : fused);
    if (joins) replaced.set(sum, fused);
  }
  const node = graph.node.flatMap((old) => (replaced.has(old) ? (replaced.get(old) ?? []) : [old]));
  return { ...graph, node };
}

function kernelNode(
  opType: string,
  from: Node,
  input: string[],
  output: string[],
  attributes: Parameters<typeof entries>[0],
): Node {
  return {
    opType,
    domain: flatminDomain,
    name: from.name ?? '',
    input: [...input],
    output: [...output],
    attribute: entries(attributes),
  };
}

const entries = (attributes: Record<string, Parameters<typeof makeAttribute>[1]>) =>
  Object.entries(attributes).map(([name, value]) => makeAttribute(name, value));

function sameShape(types: ValueTypes, a: string, b: string): boolean {
  const [left, right] = [types.get(a), types.get(b)];
  return (
    Boolean(left && right) &&
    left!.dims.length === right!.dims.length &&
    left!.dims.every((dim, axis) => dim === right!.dims[axis])
  );
}
