import { FlatminError } from '../errors.js';
import { describeNode } from './attributes.js';
import type { Attributes, GraphBuilder, NodeOptions } from './builder.js';
import type { Node } from './proto.js';
import { constantInts } from './tensors/constants.js';
import type { ValueType, ValueTypes } from './value-types.js';

/** A node that is to be differentiated or rewritten: what is known of its values, and where to append. */
export class NodeContext {
  constructor(
    readonly node: Node,
    readonly builder: GraphBuilder,
    protected readonly types: ValueTypes,
  ) {}

  /** Name of an input; empty when it is absent. */
  input(index: number): string {
    return this.node.input[index] ?? '';
  }

  /** Name of an output; empty when it is not wanted. */
  output(index = 0): string {
    return this.node.output[index] ?? '';
  }

  /** What is known of a value, if anything is. */
  known(name: string): ValueType | undefined {
    return this.types.get(name);
  }

  /** @throws FlatminError NO_GRADIENT when nothing is known of the value */
  type(name: string): ValueType {
    const type = this.types.get(name);
    if (!type) throw this.refuse(`the shape of "${name}" is not known`);
    return type;
  }

  dims(name: string): readonly number[] {
    return this.type(name).dims;
  }

  /** Records what is known of a value that is appended. */
  describe(name: string, type: ValueType): string {
    this.types.set(name, type);
    return name;
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

  op(opType: string, inputs: readonly string[], attributes?: Attributes, options?: NodeOptions): string {
    return this.builder.op(opType, inputs, attributes, options);
  }

  /** Appends the op that defines an output of the node; nothing when that output is not wanted. */
  define(
    index: number,
    opType: string,
    inputs: readonly string[],
    attributes?: Attributes,
    domain?: string,
  ): void {
    if (!this.output(index)) return;
    const options = { outputs: [this.output(index)], ...(domain && { domain }) };
    this.builder.op(opType, inputs, attributes, options);
  }
}
