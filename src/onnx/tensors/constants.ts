import { intAttribute, intsAttribute, tensorAttribute } from '../attributes.js';
import type { Graph, Node, Tensor } from '../proto.js';
import { DataType, tensorData, tensorDims } from './tensor.js';

/** The tensor behind a name that an initializer or a Constant node defines. */
export function constantTensor(graph: Graph, name: string): Tensor | undefined {
  return tensorOf(find(graph, name));
}

/** What defines a name: an initializer, or a node. */
export interface Definition {
  readonly initializer?: Tensor | undefined;
  readonly node?: Node | undefined;
}

const find = (graph: Graph, name: string): Definition => ({
  initializer: graph.initializer.find((tensor) => tensor.name === name),
  node: graph.node.find(({ opType, output }) => opType === 'Constant' && output[0] === name),
});

function tensorOf({ initializer, node }: Definition): Tensor | undefined {
  if (initializer) return initializer;
  return node?.opType === 'Constant' && node.attribute.some(({ name }) => name === 'value')
    ? tensorAttribute(node, 'value')
    : undefined;
}

/** The integers behind a name, where they are constant. */
export function constantInts(graph: Graph, name: string): number[] | undefined {
  return intsOf(find(graph, name));
}

/** The integers of a definition, where it is a constant. */
export function intsOf(definition: Definition): number[] | undefined {
  const tensor = tensorOf(definition);
  if (tensor) return Array.from(tensorData(tensor) as ArrayLike<number | bigint>, Number);
  const { node } = definition;
  if (node?.opType !== 'Constant') return undefined;
  const list = intsAttribute(node, 'value_ints');
  return (
    list ??
    (node.attribute.some(({ name: key }) => key === 'value_int')
      ? [intAttribute(node, 'value_int', 0)]
      : undefined)
  );
}

/** The number behind a name that is a constant tensor of rank 0. */
export function constantNumber(graph: Graph, name: string): number | undefined {
  const tensor = constantTensor(graph, name);
  if (!tensor || tensorDims(tensor).length > 0 || !isExact(tensor.dataType)) return undefined;
  return Number(tensorData(tensor)[0]);
}

const isExact = (type: number | undefined): boolean =>
  type !== DataType.float16 && type !== DataType.bfloat16 && type !== DataType.string;
