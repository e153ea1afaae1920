import type { NodeContext } from '../onnx/node-context.js';
import { elementCount, int64Data } from '../onnx/tensors/tensor.js';

/**
 * Tuples of indices on leading axes, as GatherND and ScatterND take them, as positions on these axes laid out as one.
 * @param indices name of [..., tuple]; negative ones count from the end
 * @param indexed sizes of the axes, batch axes first
 * @param batch how many of these the tuples leave out
 */
export function positionsOf(c: NodeContext, indices: string, indexed: readonly number[], batch = 0): string {
  const strides = indexed.map((_, axis) => elementCount(indexed.slice(axis + 1)));
  const sizes = c.builder.ints(indexed.slice(batch));
  const isNegative = c.op('Less', [indices, c.builder.constant('int64', [], int64Data([0]))]);
  const wrapped = c.op('Where', [isNegative, c.op('Add', [indices, sizes]), indices]);
  const weighted = c.op('Mul', [wrapped, c.builder.ints(strides.slice(batch))]);
  return c.op('ReduceSum', [weighted, c.builder.ints([-1])], { keepdims: 0 });
}
