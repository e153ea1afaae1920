import { type AttributeValue, makeAttribute } from '../../onnx/attributes.js';
import type { Node } from '../../onnx/proto.js';
import type { ElementType } from '../../onnx/tensors/element-types.js';
import { DataType, type DataTypeName } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/** How an input is filled. 'signed': in [−2, 2]. 'positive': in [0.1, 0.9]. A list: these values. */
export type Fill = 'signed' | 'positive' | readonly number[];

export interface ExampleValue {
  readonly dims: readonly number[];
  readonly fill?: Fill;
  /** 'same' (default): the example's element type. 'wide': float32 where that is a half type. */
  readonly type?: 'same' | 'wide' | 'int32' | 'int64';
}

/** A node of a training op, of any element type. An output without dims is left out. */
export interface Example {
  readonly domain: string;
  readonly opType: string;
  readonly inputs: Readonly<Record<string, ExampleValue>>;
  readonly outputs: Readonly<Record<string, ExampleValue | undefined>>;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Outputs whose numbers are not compared. */
  readonly free?: readonly string[];
}

export interface ExampleNode {
  readonly node: Node;
  readonly types: ValueTypes;
}

export function exampleNode(example: Example, element: ElementType): ExampleNode {
  const { domain, opType, inputs, outputs, attributes = {} } = example;
  const types: ValueTypes = new Map();
  for (const [name, value] of [...Object.entries(inputs), ...Object.entries(outputs)]) {
    if (value) types.set(name, { type: DataType[typeName(value, element)], dims: value.dims });
  }
  const output = Object.entries(outputs).map(([name, value]) => (value ? name : ''));
  while (output.at(-1) === '') output.pop();
  const attribute = Object.entries(attributes).map(([name, value]) => makeAttribute(name, value));
  return { node: { opType, domain, name: opType, input: Object.keys(inputs), output, attribute }, types };
}

function typeName({ type = 'same' }: ExampleValue, element: ElementType): DataTypeName {
  if (type === 'same') return element;
  if (type === 'wide') return element === 'double' ? 'double' : 'float';
  return type;
}

/** The numbers of an input: the same for the same name and shape. */
export function exampleValues(name: string, { dims, fill = 'signed' }: ExampleValue): number[] {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (typeof fill !== 'string') return Array.from({ length: count }, (_, i) => fill[i % fill.length]!);
  let state = [...name].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) >>> 0, count + 1);
  return Array.from({ length: count }, () => {
    // xorshift32, Marsaglia 2003
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const uniform = (state >>> 0) / 2 ** 32;
    return fill === 'positive' ? 0.1 + 0.8 * uniform : 4 * uniform - 2;
  });
}
