import { append } from '../../onnx/append.js';
import { float, floatAttribute, intAttribute, makeAttribute } from '../../onnx/attributes.js';
import { flatminDomain, microsoft, opKey, trainingDomain } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/**
 * Gives batch normalisation its own kernels, with the ReLU behind it, the ReLU's gradient before its gradient, and the sum that its dX goes
 * into; by the batch's statistics
 *
 *   BatchNormInternal → Relu                         becomes  BatchNorm(relu = 1)
 *   ReluGrad → BatchNormalizationGrad → Add(dX, z)   becomes  BatchNormGrad(relu = 1, addend = z)
 *
 * and by running statistics
 *
 *   BatchNormalization → Relu                        becomes  RunningNorm(relu = 1)
 *   ReluGrad → RunningNormGrad → Add(dX, z)          becomes  RunningNormGrad(relu = 1, addend = z)
 *
 * where nothing else reads the values in between.
 */
export function fuseBatchNorm(graph: Graph, types: ValueTypes): Graph {
  const outputs = new Set(graph.output.map(({ name }) => name));
  const readers = new Map<string, Node[]>();
  const producers = new Map<string, Node>();
  for (const node of graph.node) {
    for (const name of readBy(node)) append(readers, name, node);
    for (const name of node.output) producers.set(name, node);
  }
  /** The one node that reads a value, if it is of the given op. */
  const soleReader = (value: string, op: string): Node | undefined => {
    const all = readers.get(value) ?? [];
    return all.length === 1 && !outputs.has(value) && opKey(all[0]!) === op ? all[0] : undefined;
  };

  const replaced = new Map<Node, Node | undefined>();
  const withRelu = new Map<Node, Node>();
  /** Those by running statistics, by what they read. */
  const running = new Map<string, Node>();
  for (const node of graph.node) {
    const kernel = forwardKernel(node, types);
    if (!kernel) continue;
    if (kernel.op === 'RunningNorm') running.set(node.input.join(), node);
    const relu = soleReader(node.output[0]!, 'Relu');
    const output = relu ? [relu.output[0]!, ...node.output.slice(1)] : node.output;
    const attributes = { ...kernel.attributes, relu: Number(Boolean(relu)) };
    replaced.set(node, kernelNode(kernel.op, node, node.input, output, attributes));
    if (relu) {
      replaced.set(relu, undefined);
      withRelu.set(node, relu);
    }
  }
  /** The forward node of a gradient, and what its kernel takes in place of dY and behind. */
  const gradientKernel = (
    node: Node,
  ): { op: string; forward: Node | undefined; input: string[]; attributes: Attributes } | undefined => {
    const [, x, scale, third, fourth] = node.input;
    if (opKey(node) === `${microsoft}:BatchNormalizationGrad`) {
      const forward = producers.get(third!);
      if (!forward || !replaced.has(forward)) return undefined;
      const input = [x!, scale!, forward.input[2]!, third!, fourth!];
      return { op: 'BatchNormGrad', forward, input, attributes: {} };
    }
    if (opKey(node) !== `${trainingDomain}:RunningNormGrad` || !isTaken(types, x!)) return undefined;
    const input = node.input.slice(1);
    return {
      op: 'RunningNormGrad',
      forward: running.get(input.join()),
      input,
      attributes: { epsilon: epsilonOf(node) },
    };
  };
  for (const node of graph.node) {
    const kernel = gradientKernel(node);
    if (!kernel) continue;
    const { forward } = kernel;
    const relu = forward && withRelu.get(forward);
    const reluGrad = producers.get(node.input[0]!);
    const masks =
      relu &&
      reluGrad &&
      opKey(reluGrad) === `${microsoft}:ReluGrad` &&
      reluGrad.input[1] === relu.output[0] &&
      soleReader(reluGrad.output[0]!, opKey(node));
    const input = [masks ? reluGrad.input[0]! : node.input[0]!, ...kernel.input];
    const [dx] = node.output;
    const sum = dx ? soleReader(dx, 'Add') : undefined;
    const addend = sum?.input.find((name) => name !== dx);
    const joins = sum && addend && sameShape(types, addend, dx!) && !replaced.has(sum);
    const output = joins ? [sum.output[0]!, ...node.output.slice(1)] : node.output;
    const fused = kernelNode(kernel.op, node, joins ? [...input, addend] : input, output, {
      ...kernel.attributes,
      relu: Number(Boolean(masks)),
    });
    if (masks) replaced.set(reluGrad, undefined);
    replaced.set(node, joins ? undefined : fused);
    if (joins) replaced.set(sum, fused);
  }
  const node = graph.node.flatMap((old) => (replaced.has(old) ? (replaced.get(old) ?? []) : [old]));
  return { ...graph, node };
}

const epsilonOf = (node: Node) => float(floatAttribute(node, 'epsilon', 1e-5));

/** Whether the kernels take such data. */
function isTaken(types: ValueTypes, name: string): boolean {
  const found = types.get(name);
  return found?.type === DataType.float && found.dims.length >= 2;
}

/** The kernel of a forward node; none for what the kernels do not take. */
function forwardKernel(node: Node, types: ValueTypes): { op: string; attributes: Attributes } | undefined {
  if (!isTaken(types, node.input[0]!)) return undefined;
  const epsilon = epsilonOf(node);
  if (opKey(node) === `${microsoft}:BatchNormInternal`)
    return {
      op: 'BatchNorm',
      attributes: { epsilon, momentum: float(floatAttribute(node, 'momentum', 0.9)) },
    };
  const isRunning = opKey(node) === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) === 0;
  return isRunning ? { op: 'RunningNorm', attributes: { epsilon } } : undefined;
}

function kernelNode(
  opType: string,
  from: Node,
  input: string[],
  output: string[],
  attributes: Attributes,
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

type Attributes = Record<string, Parameters<typeof makeAttribute>[1]>;

const entries = (attributes: Attributes) =>
  Object.entries(attributes).map(([name, value]) => makeAttribute(name, value));

function sameShape(types: ValueTypes, a: string, b: string): boolean {
  const [left, right] = [types.get(a), types.get(b)];
  return (
    Boolean(left && right) &&
    left!.dims.length === right!.dims.length &&
    left!.dims.every((dim, axis) => dim === right!.dims[axis])
  );
}
