import { FlatminError } from '../../errors.js';
import { type AttributeValue, describeNode } from '../../onnx/attributes.js';
import type { Attributes, GraphBuilder, NodeOptions } from '../../onnx/builder.js';
import { constantInts } from '../../onnx/constants.js';
import type { Node } from '../../onnx/proto.js';
import { DataType } from '../../onnx/tensor.js';
import type { ValueType, ValueTypes } from '../../onnx/value-types.js';

/** Rewrites one forward node: appends differentiable standard nodes that define the same outputs. */
export type Decomposition = (context: DecomposeContext) => void;

/** What a decomposition sees: the node it replaces, what is known of its inputs and outputs, and where to append. */
export class DecomposeContext {
  constructor(
    readonly node: Node,
    readonly builder: GraphBuilder,
    private readonly types: ValueTypes,
  ) {}

  input(index: number): string {
    return this.node.input[index] ?? '';
  }

  output(index = 0): string {
    return this.node.output[index] ?? '';
  }

  type(name: string): ValueType {
    const type = this.types.get(name);
    if (!type) throw this.refuse(`the shape of "${name}" is not known`);
    return type;
  }

  dims(name: string): readonly number[] {
    return this.type(name).dims;
  }

  /** An error that names the node, and says why it has no gradient. */
  refuse(reason: string): FlatminError {
    return new FlatminError('NO_GRADIENT', `${describeNode(this.node)} has no gradient here: ${reason}.`);
  }

  /** Values of an integer input that is constant in the graph. @throws FlatminError NO_GRADIENT when it is computed */
  constantInts(index: number): number[] {
    const values = constantInts(this.builder.graph, this.input(index));
    if (!values) throw this.refuse(`its input "${this.input(index)}" is computed, and must be constant`);
    return values;
  }

  op(
    opType: string,
    inputs: readonly string[],
    attributes?: Record<string, AttributeValue | undefined>,
    options?: NodeOptions,
  ): string {
    return this.builder.op(opType, inputs, attributes, options);
  }

  /** Appends the op that defines an output of the replaced node; nothing when that output is not wanted. */
  define(index: number, opType: string, inputs: readonly string[], attributes?: Attributes): void {
    if (this.output(index)) this.builder.op(opType, inputs, attributes, { outputs: [this.output(index)] });
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
