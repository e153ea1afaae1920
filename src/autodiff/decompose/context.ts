import type { GraphBuilder } from '../../onnx/builder.js';
import { NodeContext } from '../../onnx/node-context.js';
import { DataType } from '../../onnx/tensors/tensor.js';

/** Rewrites one forward node: appends differentiable standard nodes that define the same outputs. */
export type Decomposition = (context: DecomposeContext) => void;

/** What a decomposition sees: the node it replaces, what is known of its inputs and outputs, and where to append. */
export class DecomposeContext extends NodeContext {
  /** The same node, for what is appended to a subgraph. */
  inside(builder: GraphBuilder): DecomposeContext {
    return new DecomposeContext(this.node, builder, this.types);
  }

  reshape(value: string, dims: readonly number[]): string {
    return this.op('Reshape', [value, this.builder.ints(dims)], allowZero(dims));
  }

  /** Appends the reshape that defines an output of the replaced node. */
  defineReshaped(index: number, value: string, dims: readonly number[]): void {
    this.define(index, 'Reshape', [value, this.builder.ints(dims)], allowZero(dims));
  }

  /** Elements `start` to `end` (not included) of an axis. */
  slice(value: string, axis: number, start: number, end: number): string {
    const { builder } = this;
    return this.op('Slice', [value, builder.ints([start]), builder.ints([end]), builder.ints([axis])]);
  }

  /** Parts of an axis, of these sizes. */
  split(value: string, axis: number, sizes: readonly number[]): string[] {
    if (sizes.length === 1) return [value];
    return this.builder.ops('Split', [value, this.builder.ints(sizes)], { axis }, { count: sizes.length });
  }

  /** Sum over axes. */
  sum(value: string, axes: readonly number[], keepdims = 1): string {
    return this.op('ReduceSum', [value, this.builder.ints(axes)], { keepdims });
  }

  /** A scalar of the element type of a value that the graph already had. Default: the first input. */
  scalar(value: number, like = this.input(0)): string {
    return this.builder.scalar(value, this.type(like).type);
  }

  /** A constant of the element type of a value that the graph already had. Default: the first input. */
  floats(dims: readonly number[], values: ArrayLike<number>, like = this.input(0)): string {
    return this.type(like).type === DataType.double
      ? this.builder.constant('double', dims, Float64Array.from(values))
      : this.builder.constant('float', dims, Float32Array.from(values));
  }
}

/** A dimension of zero is none that Reshape should copy. */
const allowZero = (dims: readonly number[]) => ({ allowzero: dims.includes(0) ? 1 : undefined });
