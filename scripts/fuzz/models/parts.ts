import type { Attribute, Graph, ModelProto, Node, Tensor, ValueInfo } from '../../../src/onnx/proto.js';

/** Everything in a model that can be changed, the bodies of nodes included. */
export interface Parts {
  readonly graphs: readonly Graph[];
  readonly nodes: readonly Node[];
  readonly attributes: readonly Attribute[];
  readonly tensors: readonly Tensor[];
  readonly infos: readonly ValueInfo[];
  readonly names: readonly string[];
}

export function partsOf(model: ModelProto): Parts {
  const graphs: Graph[] = [model.graph];
  for (const { node } of model.functions) graphs.push(...bodiesOf(node));
  // The list grows while it is read.
  for (const { node } of graphs) graphs.push(...bodiesOf(node));
  const nodes = [...graphs.flatMap(({ node }) => node), ...model.functions.flatMap(({ node }) => node)];
  const attributes = nodes.flatMap(({ attribute }) => attribute);
  const own = attributes.flatMap(({ t, tensors = [] }) => (t ? [t, ...tensors] : tensors));
  return {
    graphs,
    nodes,
    attributes,
    tensors: [...graphs.flatMap(({ initializer }) => initializer), ...own],
    infos: graphs.flatMap(({ input, output, valueInfo }) => [...input, ...output, ...valueInfo]),
    names: [
      ...new Set([
        ...nodes.flatMap(({ input, output }) => [...input, ...output]),
        ...graphs.flatMap(({ input, initializer }) =>
          [...input, ...initializer].map(({ name = '' }) => name),
        ),
      ]),
    ],
  };
}

const bodiesOf = (nodes: readonly Node[]): Graph[] =>
  nodes.flatMap(({ attribute }) => attribute.flatMap(({ g, graphs = [] }) => (g ? [g, ...graphs] : graphs)));
