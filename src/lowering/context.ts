import type { GraphBuilder } from '../onnx/builder.js';
import { NodeContext } from '../onnx/node-context.js';
import type { Node } from '../onnx/proto.js';
import { encodeFloats } from '../onnx/tensors/floats.js';
import { type DataTypeName, dataTypeName } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';

/** Rewrites one node: appends to the builder nodes that define the same outputs. */
export type Lowering = (context: LoweringContext) => void;

/** What a lowering sees: the node it replaces, what is known of its values, and where to append. */
export class LoweringContext extends NodeContext {
  constructor(
    node: Node,
    builder: GraphBuilder,
    /** What is known of the graph's values. */
    readonly values: ValueTypes,
  ) {
    super(node, builder, values);
  }

  reshape(value: string, dims: readonly number[]): string {
    return this.op('Reshape', [value, this.builder.ints(dims)]);
  }

  scalar(value: number, like: string): string {
    return this.builder.scalar(value, this.type(like).type);
  }

  /** A constant of the floating-point type of a value. */
  floats(values: readonly number[], dims: readonly number[], like: string): string {
    const { type } = this.type(like);
    return this.builder.constant(dataTypeName(type) as DataTypeName, dims, encodeFloats(type, values));
  }
}

/** Axes of an N×C×… value over which a channel is summed. */
export const overChannels = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2),
];
