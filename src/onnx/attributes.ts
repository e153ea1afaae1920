import { FlatminError } from '../errors.js';
import { type Attribute, type Graph, int64, type Node, type Tensor } from './proto.js';

/** AttributeProto.AttributeType, ONNX specification. */
const Kind = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

/** What `float` makes: a float attribute, or a list of floats. */
export class FloatValue {
  constructor(
    /** A number for a float, a list for floats. */
    readonly value: number | readonly number[],
  ) {}
}
/** Marks a number (or list) as a float attribute: a bare number means an integer one. */
export const float = (value: number | readonly number[]): FloatValue => new FloatValue(value);

/** The value of a node's attribute: an integer, integers, a text, texts, floats (see `float`), a tensor, or a graph. */
export type AttributeValue =
  | number
  | readonly number[]
  | string
  | { strings: readonly string[] }
  | FloatValue
  | { tensor: Tensor }
  | { graph: Graph };

const utf8 = new TextEncoder();

export function makeAttribute(name: string, value: AttributeValue): Attribute {
  if (value instanceof FloatValue) {
    return typeof value.value === 'number'
      ? { name, type: Kind.float, f: value.value }
      : { name, type: Kind.floats, floats: [...value.value] };
  }
  if (typeof value === 'number') return { name, type: Kind.int, i: value };
  if (typeof value === 'string') return { name, type: Kind.string, s: utf8.encode(value) };
  if ('strings' in value) {
    return { name, type: Kind.strings, strings: value.strings.map((text) => utf8.encode(text)) };
  }
  if ('tensor' in value) return { name, type: Kind.tensor, t: value.tensor };
  if ('graph' in value) return { name, type: Kind.graph, g: value.graph };
  return { name, type: Kind.ints, ints: [...value] };
}

/** Whether an attribute is a text: a message that lacks a field has its default. */
export const isText = (attribute: Attribute): boolean => Object.hasOwn(attribute, 's');

const find = (node: Node, name: string): Attribute | undefined =>
  node.attribute.find((attribute) => attribute.name === name);

export function intAttribute(node: Node, name: string, fallback: number): number {
  return int64(find(node, name)?.i, fallback);
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  return find(node, name)?.f ?? fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = find(node, name);
  return attribute && isText(attribute) ? new TextDecoder().decode(attribute.s) : fallback;
}

export function stringsAttribute(node: Node, name: string): string[] | undefined {
  return find(node, name)?.strings?.map((bytes) => new TextDecoder().decode(bytes));
}

export function floatsAttribute(node: Node, name: string): number[] | undefined {
  return find(node, name)?.floats;
}

export function intsAttribute(node: Node, name: string): number[] | undefined;
export function intsAttribute(node: Node, name: string, fallback: readonly number[]): number[];
export function intsAttribute(node: Node, name: string, fallback?: readonly number[]): number[] | undefined {
  const attribute = find(node, name);
  return attribute ? (attribute.ints ?? []).map((value) => int64(value)) : fallback && [...fallback];
}

export function tensorAttribute(node: Node, name: string): Tensor {
  const tensor = find(node, name)?.t;
  if (!tensor)
    throw new FlatminError('INVALID_MODEL', `${describeNode(node)} lacks its tensor attribute ${name}.`);
  return tensor;
}

export const hasAttribute = (node: Node, name: string): boolean => find(node, name) !== undefined;

/** 'Conv "stage1/conv"': how errors name a node. */
export function describeNode(node: Node): string {
  const op = node.domain ? `${node.domain}:${node.opType}` : node.opType;
  return `${op} "${node.name || node.output.find(Boolean) || ''}"`;
}
