import { ancestors, makersIn } from '../../onnx/ancestors.js';
import { isView } from '../../onnx/liveness.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import { elementBytes, elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { nodeCost } from './cost.js';

/** A node on the way to the loss. */
export interface ForwardNode {
  readonly node: Node;
  /** Place among the forward nodes. */
  readonly place: number;
  readonly cost: number;
}

/** A training graph in two parts: the way to the loss, and what follows it. */
export class ForwardPart {
  readonly nodes: readonly ForwardNode[];
  readonly backward: readonly Node[];
  /** The forward node that makes each value. */
  readonly makers: ReadonlyMap<string, ForwardNode>;
  /** Values that forward nodes make and the others read, by what has their memory. */
  readonly wanted: ReadonlySet<string>;
  /** By what has its memory: the place of the last forward node that reads it. */
  readonly lastRead: ReadonlyMap<string, number>;
  private readonly roots = new Map<string, string>();

  constructor(
    readonly graph: Graph,
    readonly types: ValueTypes,
  ) {
    const forward = ancestors(graph, [graph.output[0]!.name], makersIn(graph));
    this.nodes = graph.node
      .filter((_, index) => forward.has(index))
      .map((node, place) => ({ node, place, cost: nodeCost(node, types) }));
    this.backward = graph.node.filter((_, index) => !forward.has(index));
    this.makers = new Map(
      this.nodes.flatMap((each) => each.node.output.filter(Boolean).map((name) => [name, each] as const)),
    );
    for (const { node } of this.nodes)
      if (isView(node)) this.roots.set(node.output[0]!, this.rootOf(node.input[0]!));
    this.wanted = new Set(
      this.backward
        .flatMap(readBy)
        .filter((name) => this.makers.has(name))
        .map((name) => this.rootOf(name)),
    );
    const lastRead = new Map<string, number>();
    for (const { node, place } of this.nodes)
      for (const name of readBy(node)) lastRead.set(this.rootOf(name), place);
    this.lastRead = lastRead;
  }

  /** The value whose memory a value has: a reshape's is that of what it reshapes. */
  rootOf(name: string): string {
    return this.roots.get(name) ?? name;
  }

  bytesOf(name: string): number {
    const type = this.types.get(name);
    return type ? elementCount(type.dims) * elementBytes(type.type) : 0;
  }

  /** Bytes that are kept from the forward to the backward part. */
  get keptBytes(): number {
    return [...this.wanted].reduce((sum, name) => sum + this.bytesOf(name), 0);
  }
}
