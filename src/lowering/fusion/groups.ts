import type { Graph } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';

/**
 * Nodes of a graph in groups that are joined step by step, always in an order that the groups can run in. The order is kept up to date as
 * in Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs", 2007: a join moves only what lies between.
 */
export class Groups {
  /** The group of each node, as the index of one of its nodes. */
  private readonly parent: number[];
  private readonly members: (readonly number[])[];
  private readonly after: Set<number>[];
  /** Groups in their order; −1 where there is none any more. */
  private readonly order: number[];
  /** The place of each group in the order. */
  private readonly place: number[];

  constructor({ node }: Graph) {
    const makers = new Map(node.flatMap(({ output }, index) => output.map((name) => [name, index] as const)));
    this.parent = node.map((_, index) => index);
    this.members = node.map((_, index) => [index]);
    this.order = node.map((_, index) => index);
    this.place = node.map((_, index) => index);
    this.after = node.map(() => new Set());
    node.forEach((each, index) => {
      for (const name of readBy(each)) {
        const maker = makers.get(name);
        if (maker !== undefined) this.after[maker]!.add(index);
      }
    });
  }

  of(node: number): number {
    let group = node;
    while (this.parent[group] !== group) {
      this.parent[group] = this.parent[this.parent[group]!]!;
      group = this.parent[group]!;
    }
    return group;
  }

  /** Nodes of a group, in the graph's order. */
  nodes(group: number): readonly number[] {
    return this.members[group]!;
  }

  /** All groups, in an order that they can run in. */
  get sorted(): number[] {
    return this.order.filter((group) => group >= 0);
  }

  /** Whether nothing has to run between two groups. */
  canJoin(a: number, b: number): boolean {
    return this.between(...this.inOrder(a, b)) !== undefined;
  }

  /** Makes one group of two that can be joined. @returns the group */
  join(a: number, b: number): number {
    const [first, second] = this.inOrder(a, b);
    const later = this.between(first, second)!;
    const [from, to] = [this.place[first]!, this.place[second]!];
    const window = this.order.slice(from + 1, to).filter((group) => group >= 0);
    const arranged = [
      ...window.filter((group) => !later.has(group)),
      first,
      ...window.filter((group) => later.has(group)),
    ];
    for (let place = from; place <= to; place++) {
      const group = arranged[place - from] ?? -1;
      this.order[place] = group;
      if (group >= 0) this.place[group] = place;
    }
    this.parent[second] = first;
    for (const next of this.after[second]!) this.after[first]!.add(next);
    this.members[first] = [...this.members[first]!, ...this.members[second]!].sort((x, y) => x - y);
    return first;
  }

  private inOrder(a: number, b: number): [first: number, second: number] {
    return this.place[a]! < this.place[b]! ? [a, b] : [b, a];
  }

  /** Groups between two in the order that the first leads to; undefined where one of these leads to the second. */
  private between(first: number, second: number): Set<number> | undefined {
    const end = this.place[second]!;
    const found = new Set<number>();
    const waiting = [first];
    while (waiting.length > 0) {
      const group = waiting.pop()!;
      for (const node of this.after[group]!) {
        const next = this.of(node);
        if (next === second && group !== first) return undefined;
        if (next === group || this.place[next]! >= end || found.has(next)) continue;
        found.add(next);
        waiting.push(next);
      }
    }
    return found;
  }
}
