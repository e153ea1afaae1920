import type { Graph, Node } from './proto.js';
import { isScan, scanParts } from './scan.js';
import { readBy } from './subgraphs.js';
import { elementBytes, elementCount } from './tensors/tensor.js';
import type { ValueTypes } from './value-types.js';

/** Ops whose output takes its input's memory. */
const VIEWS = ['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'];

export const isView = ({ opType }: Node): boolean => VIEWS.includes(opType);

/** Ops that may write over the first input where nobody reads it afterwards. */
const IN_PLACE = [
  ...['Abs', 'Add', 'Clip', 'Div', 'Exp', 'Log', 'Mul', 'Neg', 'Relu', 'ReluGrad', 'Sigmoid', 'SigmoidGrad'],
  ...['Softmax', 'Sqrt', 'Sub', 'Sum', 'Tanh', 'TanhGrad'],
];

export interface Liveness {
  /** The most bytes of computed values that are needed at a time. */
  readonly peakBytes: number;
  /** Bytes of all computed values, if none were freed. */
  readonly totalBytes: number;
}

/**
 * Estimates the memory of a graph's computed values: each is there from its node to the last that reads it, nodes in their order. Inputs,
 * constants and outputs of the graph have buffers of their own and are not counted; neither is what a kernel needs while it runs, but for
 * the values of one step of a Scan.
 * @param types of its values; one without a type counts as nothing
 */
export function liveness(graph: Graph, types: ValueTypes): Liveness {
  const outside = new Set([...graph.input, ...graph.output, ...graph.initializer].map(({ name }) => name!));
  const memory = new Memory(types);
  const lastRead = new Map<string, number>();
  graph.node.forEach((node, index) => {
    for (const name of readBy(node)) lastRead.set(name, index);
  });
  graph.node.forEach((node, index) => {
    const made = node.output.filter((name) => name !== '' && !outside.has(name));
    const source = node.input[0] ?? '';
    const [first, ...others] = made;
    if (
      first !== undefined &&
      first === node.output[0] &&
      canShare(node, source, first, memory, lastRead, index)
    )
      memory.share(first, source);
    else if (first !== undefined) memory.take(first);
    for (const name of others) memory.take(name);
    if (isScan(node)) memory.pass(liveness(scanParts(node).body, types).peakBytes);
    const ended = new Set(
      [...readBy(node), ...made].filter((name) => (lastRead.get(name) ?? index) <= index),
    );
    for (const name of ended) memory.release(name);
  });
  return { peakBytes: memory.peak, totalBytes: memory.total };
}

function canShare(
  node: Node,
  source: string,
  result: string,
  memory: Memory,
  lastRead: ReadonlyMap<string, number>,
  index: number,
): boolean {
  if (!memory.holds(source)) return false;
  if (isView(node)) return true;
  const isLast = lastRead.get(source) === index && memory.sharers(source) === 1;
  return IN_PLACE.includes(node.opType) && isLast && memory.sizeOf(source) === memory.sizeOf(result);
}

/** Blocks of memory, each freed when the last value in it is. */
class Memory {
  peak = 0;
  total = 0;
  private live = 0;
  private readonly blocks = new Map<string, { bytes: number; values: number }>();

  constructor(private readonly types: ValueTypes) {}

  sizeOf(name: string): number {
    const type = this.types.get(name);
    return type ? elementCount(type.dims) * elementBytes(type.type) : 0;
  }

  holds(name: string): boolean {
    return this.blocks.has(name);
  }

  sharers(name: string): number {
    return this.blocks.get(name)?.values ?? 0;
  }

  take(name: string): void {
    const bytes = this.sizeOf(name);
    this.blocks.set(name, { bytes, values: 1 });
    this.live += bytes;
    this.total += bytes;
    this.peak = Math.max(this.peak, this.live);
  }

  /** Bytes that are there for a moment. */
  pass(bytes: number): void {
    this.peak = Math.max(this.peak, this.live + bytes);
  }

  share(name: string, source: string): void {
    const block = this.blocks.get(source)!;
    block.values++;
    this.blocks.set(name, block);
  }

  release(name: string): void {
    const block = this.blocks.get(name);
    if (!block) return;
    this.blocks.delete(name);
    if (--block.values === 0) this.live -= block.bytes;
  }
}
