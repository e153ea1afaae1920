import { FlatminError } from '../errors.js';
import { type AttributeValue, describeNode } from '../onnx/attributes.js';
import type { GraphBuilder, NodeOptions } from '../onnx/builder.js';
import { constantInts } from '../onnx/constants.js';
import type { Node } from '../onnx/proto.js';
import type { ValueType, ValueTypes } from '../onnx/value-types.js';

/**
 * The gradient of one input: the name of a value of the input's shape; or a value of another shape, of which the input
 * was broadcast to, which the reverse walk sums back; or nothing.
 */
export type Gradient = string | { readonly value: string; readonly dims: readonly number[] } | undefined;

/** Gives one gradient per input of the node, from the gradients of its outputs. */
export type Rule = (context: RuleContext) => readonly Gradient[];

/** What a rule sees: one forward node, what is known of its values, and where to append. */
export class RuleContext {
  constructor(
    readonly node: Node,
    readonly builder: GraphBuilder,
    private readonly types: ValueTypes,
    /** Gradient of each output; undefined where the loss does not depend on it. */
    readonly outputGradients: readonly (string | undefined)[],
    private readonly neededInputs: readonly boolean[],
  ) {}

  /** Gradient of the first output. */
  get dy(): string {
    const gradient = this.outputGradients[0];
    if (!gradient)
      throw new FlatminError(
        'NO_GRADIENT',
        `${describeNode(this.node)}: only a secondary output reaches the loss.`,
      );
    return gradient;
  }

  input(index: number): string {
    return this.node.input[index] ?? '';
  }

  output(index = 0): string {
    return this.node.output[index] ?? '';
  }

  needs(index: number): boolean {
    return this.neededInputs[index] ?? false;
  }

  type(name: string): ValueType {
    const type = this.types.get(name);
    if (!type)
      throw new FlatminError(
        'NO_GRADIENT',
        `${describeNode(this.node)}: the shape of "${name}" is not known.`,
      );
    return type;
  }

  dims(name: string): readonly number[] {
    return this.type(name).dims;
  }

  /** Records what is known of a value that the rule makes. */
  describe(name: string, type: ValueType): string {
    this.types.set(name, type);
    return name;
  }

  /** Values of an integer input that is constant in the graph. @throws FlatminError NO_GRADIENT when it is computed */
  constantInts(index: number): number[] {
    const values = constantInts(this.builder.graph, this.input(index));
    if (!values) {
      throw new FlatminError(
        'NO_GRADIENT',
        `${describeNode(this.node)}: its gradient needs input "${this.input(index)}" to be constant.`,
      );
    }
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

  /** A scalar constant of the element type of the first input. */
  scalar(value: number): string {
    return this.builder.scalar(value, this.type(this.input(0)).type);
  }

  /** A gradient that has the shape of the first output, to be summed back to the input's. */
  broadcast(value: string): Gradient {
    return { value, dims: this.dims(this.output()) };
  }

  /** Evaluates the gradient of an input only where it is needed. */
  when(index: number, gradient: () => Gradient): Gradient {
    return this.needs(index) ? gradient() : undefined;
  }
}
