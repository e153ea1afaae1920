import { intAttribute, intsAttribute, tensorAttribute } from './attributes.js';
import type { Graph, Tensor } from './proto.js';
import { DataType, tensorData, tensorDims } from './tensor.js';

/** The tensor behind a name that an initializer or a Constant node defines. */
export function constantTensor(graph: Graph, name: string): Tensor | undefined {
  const initializer = graph.initializer.find((tensor) => tensor.name === name);
  if (initializer) return initializer;
  const node = graph.node.find(({ opType, output }) => opType === 'Constant' && output[0] === name);
  return node?.attribute.some((attribute) => attribute.name === 'value')
    ? tensorAttribute(node, 'value')
    : undefined;
}

/** The integers behind a name, where they are constant. */
export function constantInts(graph: Graph, name: string): number[] | undefined {
  const tensor = constantTensor(graph, name);
  if (tensor) return Array.from(tensorData(tensor) as ArrayLike<number | bigint>, Number);
  const node = graph.node.find(({ opType, output }) => opType === 'Constant' && output[0] === name);
  if (!node) return undefined;
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
