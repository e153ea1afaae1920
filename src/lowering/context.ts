import { FlatminError } from '../errors.js';
import { describeNode } from '../onnx/attributes.js';
import type { Attributes, GraphBuilder, NodeOptions } from '../onnx/builder.js';
import type { Node } from '../onnx/proto.js';
import type { ValueType, ValueTypes } from '../onnx/value-types.js';

/** Rewrites one node: appends to the builder nodes that define the same outputs. */
export type Lowering = (context: LoweringContext) => void;

/** What a lowering sees: the node it replaces, what is known of its values, and where to append. */
export class LoweringContext {
  constructor(
    readonly node: Node,
    readonly builder: GraphBuilder,
    private readonly types: ValueTypes,
  ) {}

  input(index: number): string {
    return this.node.input[index] ?? '';
  }

  output(index: number): string {
    return this.node.output[index] ?? '';
  }

  type(name: string): ValueType {
    const type = this.types.get(name);
    if (!type)
      throw new FlatminError(
        'RUNTIME',
        `${describeNode(this.node)} cannot be lowered: the shape of "${name}" is not known.`,
      );
    return type;
  }

  dims(name: string): readonly number[] {
    return this.type(name).dims;
  }

  describe(name: string, type: ValueType): string {
    this.types.set(name, type);
    return name;
  }

  op(opType: string, inputs: readonly string[], attributes?: Attributes, options?: NodeOptions): string {
    return this.builder.op(opType, inputs, attributes, options);
  }

  /** Appends the op that defines an output of the replaced node; nothing when that output is not wanted. */
  define(
    index: number,
    opType: string,
    inputs: readonly string[],
    attributes?: Attributes,
    domain?: string,
  ): void {
    if (this.output(index))
      this.builder.op(opType, inputs, attributes, {
        outputs: [this.output(index)],
        ...(domain && { domain }),
      });
  }

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
