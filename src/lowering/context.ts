import { NodeContext } from '../onnx/node-context.js';

/** Rewrites one node: appends to the builder nodes that define the same outputs. */
export type Lowering = (context: LoweringContext) => void;

/** What a lowering sees: the node it replaces, what is known of its values, and where to append. */
export class LoweringContext extends NodeContext {
  reshape(value: string, dims: readonly number[]): string {
    return this.op('Reshape', [value, this.builder.ints(dims)]);
  }

  scalar(value: number, like: string): string {
    return this.builder.scalar(value, this.type(like).type);
  }
}

/** Axes of an N×C×… value over which a channel is summed. */
export const overChannels = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2),
];
