import { append } from '../../onnx/append.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node, Tensor } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import { DataType, elementCount, tensorData, tensorDims } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/** Who makes and who reads the values of a graph, and what is constant. */
export class Values {
  private readonly producers = new Map<string, Node>();
  private readonly readersOf = new Map<string, Node[]>();
  private readonly tensors: ReadonlyMap<string, Tensor>;
  private readonly outputs: ReadonlySet<string>;

  constructor(
    graph: Graph,
    readonly types: ValueTypes,
  ) {
    this.tensors = new Map(graph.initializer.map((tensor) => [tensor.name!, tensor]));
    this.outputs = new Set(graph.output.map(({ name }) => name));
    for (const node of graph.node) {
      for (const name of readBy(node)) {
        append(this.readersOf, name, node);
      }
      for (const name of node.output) this.producers.set(name, node);
    }
  }

  /** The node that makes a value, if it is one of the operators. */
  producer(name: string, ...ops: readonly string[]): Node | undefined {
    const node = this.producers.get(name);
    return node && (ops.length === 0 || ops.includes(opKey(node))) ? node : undefined;
  }

  /** Each as often as it reads the value. */
  readers(name: string): readonly Node[] {
    return this.readersOf.get(name) ?? [];
  }

  isOutput(name: string): boolean {
    return this.outputs.has(name);
  }

  /** The one node that reads a value, which is read once. */
  soleReader(name: string): Node | undefined {
    const all = this.readers(name);
    return all.length === 1 && !this.isOutput(name) ? all[0] : undefined;
  }

  dims(name: string): readonly number[] | undefined {
    return this.types.get(name)?.dims;
  }

  isFloat(name: string): boolean {
    return this.types.get(name)?.type === DataType.float;
  }

  constant(name: string): Tensor | undefined {
    return this.tensors.get(name);
  }

  /** The elements of a constant of integers. */
  ints(name: string | undefined): number[] | undefined {
    const tensor = name ? this.tensors.get(name) : undefined;
    return tensor && Array.from(tensorData(tensor) as ArrayLike<number | bigint>, Number);
  }

  /** The number in a float32 constant of one element. */
  number(name: string): number | undefined {
    const tensor = this.tensors.get(name);
    if (!tensor || tensor.dataType !== DataType.float || elementCount(tensorDims(tensor)) !== 1)
      return undefined;
    return Number(tensorData(tensor)[0]);
  }

  /**
   * The factor of a node that multiplies a value by a constant, or divides it by one, and the value. The result has the value's shape.
   */
  scaling(node: Node | undefined): { readonly value: string; readonly factor: number } | undefined {
    if (!node || (opKey(node) !== 'Mul' && opKey(node) !== 'Div')) return undefined;
    const [a, b] = [node.input[0]!, node.input[1]!];
    const [ofA, ofB] = [this.number(a), this.number(b)];
    const keepsShape = (value: string, constant: string) =>
      (this.dims(constant)?.length ?? tensorDims(this.constant(constant)!).length) <=
      (this.dims(value)?.length ?? 0);
    if (ofB !== undefined && keepsShape(a, b)) {
      const factor = node.opType === 'Mul' ? ofB : 1 / ofB;
      return Number.isFinite(factor) ? { value: a, factor } : undefined;
    }
    if (ofA !== undefined && node.opType === 'Mul' && Number.isFinite(ofA) && keepsShape(b, a))
      return { value: b, factor: ofA };
    return undefined;
  }

  /** A value behind copies of it. */
  original(name: string): string {
    let current = name;
    for (let node = this.producer(current, 'Identity'); node; node = this.producer(current, 'Identity'))
      current = node.input[0]!;
    return current;
  }
}

/** The nodes that outputs of a graph depend on. */
export function withoutUnread(graph: Graph): Graph {
  const needed = new Set(graph.output.map(({ name }) => name));
  const node = graph.node
    .toReversed()
    .filter((each) => {
      if (!each.output.some((name) => needed.has(name))) return false;
      for (const name of readBy(each)) needed.add(name);
      return true;
    })
    .reverse();
  return { ...graph, node };
}
