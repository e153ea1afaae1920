import { FlatminError } from '../errors.js';
import { describeNode } from '../onnx/attributes.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { NodeContext } from '../onnx/node-context.js';
import type { Node } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';

/**
 * The gradient of one input: the name of a value of the input's shape; or a value of another shape, of which the input
 * was broadcast to, which the reverse walk sums back; or nothing.
 */
export type Gradient = string | { readonly value: string; readonly dims: readonly number[] } | undefined;

/** Gives one gradient per input of the node, from the gradients of its outputs. */
export type Rule = (context: RuleContext) => readonly Gradient[];

/** What the rule of a node with a subgraph needs besides. */
export interface SubgraphAccess {
  /** What the node reads, in its subgraphs too, that a gradient is wanted of. */
  readonly active: readonly string[];
  /** Adds a term to the gradient of a value that the subgraph takes from outside. */
  readonly add: (value: string, gradient: string) => void;
  /**
   * Appends the gradients of a subgraph's values to it.
   * @returns by value, the terms that its gradient is the sum of
   */
  readonly differentiate: (
    body: GraphBuilder,
    seeds: ReadonlyMap<string, string>,
    wrt: readonly string[],
  ) => ReadonlyMap<string, readonly string[]>;
}

/** What a rule sees: one forward node, the gradients of its outputs, and where to append. */
export class RuleContext extends NodeContext {
  constructor(
    node: Node,
    builder: GraphBuilder,
    types: ValueTypes,
    /** Gradient of each output; undefined where the loss does not depend on it. */
    readonly outputGradients: readonly (string | undefined)[],
    private readonly neededInputs: readonly boolean[],
    readonly subgraph: SubgraphAccess,
  ) {
    super(node, builder, types);
  }

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

  needs(index: number): boolean {
    return this.neededInputs[index] ?? false;
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
