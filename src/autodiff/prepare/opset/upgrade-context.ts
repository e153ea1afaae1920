import { FlatminError } from '../../../errors.js';
import { type AttributeValue, describeNode, makeAttribute } from '../../../onnx/attributes.js';
import type { Node } from '../../../onnx/proto.js';
import {
  DataType,
  type DataTypeName,
  int64Data,
  makeTensor,
  type TensorData,
} from '../../../onnx/tensors/tensor.js';

/** One change of an operator: how a node of a version below `below` is written from that version on. */
export interface Upgrade {
  readonly below: number;
  /** Returns the node in its new form; nothing where it is the same. */
  apply(context: UpgradeContext): Node | undefined;
}

/** A node to be raised, and the nodes that its new form needs around it. */
export class UpgradeContext {
  readonly before: Node[] = [];
  readonly after: Node[] = [];

  constructor(
    readonly node: Node,
    private readonly ranks: ReadonlyMap<string, number>,
    private readonly fresh: (hint: string) => string,
  ) {}

  refuse(why: string): FlatminError {
    return new FlatminError(
      'INVALID_MODEL',
      `${describeNode(this.node)} ${why}: raise the model with onnx.version_converter, or export it again.`,
    );
  }

  /** Dimensions of a value, where the file states them. */
  rank(value: string | undefined): number | undefined {
    return value === undefined ? undefined : this.ranks.get(value);
  }

  name(suffix: string): string {
    return this.fresh(`${this.node.name || this.node.output[0] || this.node.opType}/${suffix}`);
  }

  constant(type: DataTypeName, dims: readonly number[], data: TensorData, suffix: string): string {
    const name = this.name(suffix);
    const value = { tensor: makeTensor(name, type, dims, data) };
    this.before.push({
      opType: 'Constant',
      name,
      input: [],
      output: [name],
      attribute: [makeAttribute('value', value)],
    });
    return name;
  }

  ints(values: readonly number[], suffix: string): string {
    return this.constant('int64', [values.length], int64Data(values), suffix);
  }

  float(value: number, suffix: string): string {
    return this.constant('float', [], Float32Array.of(value), suffix);
  }

  /** A node before this one; returns its output. */
  prepend(opType: string, input: readonly string[], attributes: Record<string, AttributeValue> = {}): string {
    const output = this.name(opType);
    this.before.push(makeNode(opType, input, [output], attributes));
    return output;
  }

  append(
    opType: string,
    input: readonly string[],
    output: string,
    attributes: Record<string, AttributeValue> = {},
  ): void {
    this.after.push(makeNode(opType, input, [output], attributes));
  }

  /** The node with other inputs, without some attributes. */
  with(changes: Partial<Node>, dropped: readonly string[] = []): Node {
    const node = { ...this.node, ...changes };
    return { ...node, attribute: node.attribute.filter(({ name }) => !dropped.includes(name)) };
  }
}

function makeNode(
  opType: string,
  input: readonly string[],
  output: string[],
  attributes: Record<string, AttributeValue>,
): Node {
  const attribute = Object.entries(attributes).map(([name, value]) => makeAttribute(name, value));
  return { opType, name: output[0]!, input: [...input], output, attribute };
}

export const typeByName: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(DataType).map(([name, id]) => [name.toUpperCase(), id]),
);
