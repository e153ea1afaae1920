import type { Node } from '../../onnx/proto.js';
import { elementBytes, elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/** Operations in the time of one byte that is read or written, of processors and GPUs alike to a factor of two. */
const OPERATIONS_PER_BYTE = 10;

/**
 * What computing a node takes, in bytes read or written: products and convolutions by their operations, all else by its operands. Of a
 * product whose operator is not known here, by the sizes alone, this is a lower bound.
 */
export function nodeCost(node: Node, types: ValueTypes): number {
  const bytes = (name: string) => {
    const type = types.get(name);
    return type ? elementCount(type.dims) * elementBytes(type.type) : 0;
  };
  const moved = [...node.input, ...node.output].filter(Boolean).reduce((sum, name) => sum + bytes(name), 0);
  return moved + operations(node, types) / OPERATIONS_PER_BYTE;
}

/** Whether a node's time is its arithmetic. */
export const isProduct = (node: Node, types: ValueTypes): boolean => operations(node, types) > 0;

function operations(node: Node, types: ValueTypes): number {
  const dims = (index: number) => types.get(node.input[index] ?? '')?.dims ?? [];
  const out = types.get(node.output[0] ?? '')?.dims ?? [];
  switch (node.opType) {
    case 'Gemm':
    case 'MatMul':
      return 2 * inner(dims(0), dims(1), out);
    case 'Conv':
      return 2 * elementCount(out) * elementCount(dims(1).slice(1));
    case 'ConvTranspose':
      return 2 * elementCount(dims(0)) * elementCount(dims(1).slice(1));
    case 'Attention':
      // Rows by columns of the scores, twice: (Q·Kᵀ)·V.
      return 4 * elementCount(out) * (dims(1).at(-2) ?? 1);
    default:
      return 0;
  }
}

/** Multiplications of a product over matrices on the last two axes, in whichever order these are: √(|A||B||C| / batch) each. */
function inner(a: readonly number[], b: readonly number[], out: readonly number[]): number {
  const [matrixA, matrixB, matrixOut] = [a, b, out].map((dims) => elementCount(dims.slice(-2)));
  return (elementCount(out) / matrixOut!) * Math.sqrt(matrixA! * matrixB! * matrixOut!);
}
