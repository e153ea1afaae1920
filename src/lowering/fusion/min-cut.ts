/**
 * The cheapest vertices whose removal leaves no path from any source to any sink, those nearest to the sinks where there is a choice. A
 * source or a sink may be among them. (Ford and Fulkerson, "Maximal flow through a network", 1956; augmenting paths by breadth.)
 * @param edges the vertices that each leads to
 * @param costs of the vertices, at least 0
 */
export function minimumCut(
  edges: readonly (readonly number[])[],
  costs: readonly number[],
  sources: readonly number[],
  sinks: readonly number[],
): Set<number> {
  // Each vertex is an arc from its entry 2v to its exit 2v + 1; arcs between vertices hold any flow.
  const residual = new Residual(2 * costs.length + 2);
  const [start, end] = [2 * costs.length, 2 * costs.length + 1];
  costs.forEach((cost, vertex) => {
    residual.add(2 * vertex, 2 * vertex + 1, cost);
    for (const next of edges[vertex]!) residual.add(2 * vertex + 1, 2 * next, Number.POSITIVE_INFINITY);
  });
  for (const vertex of sources) residual.add(start, 2 * vertex, Number.POSITIVE_INFINITY);
  for (const vertex of sinks) residual.add(2 * vertex + 1, end, Number.POSITIVE_INFINITY);
  while (residual.augment(start, end));
  const before = residual.leadingTo(end);
  return new Set([...costs.keys()].filter((vertex) => before.has(2 * vertex + 1) && !before.has(2 * vertex)));
}

class Residual {
  private readonly arcs: Map<number, number>[];

  constructor(size: number) {
    this.arcs = Array.from({ length: size }, () => new Map());
  }

  add(from: number, to: number, capacity: number): void {
    this.arcs[from]!.set(to, (this.arcs[from]!.get(to) ?? 0) + capacity);
    if (!this.arcs[to]!.has(from)) this.arcs[to]!.set(from, 0);
  }

  /** Sends what the shortest path holds. @returns whether there was one */
  augment(start: number, end: number): boolean {
    const cameFrom = new Map<number, number>([[start, start]]);
    const waiting = [start];
    for (let place = 0; place < waiting.length && !cameFrom.has(end); place++) {
      const from = waiting[place]!;
      for (const [to, capacity] of this.arcs[from]!) {
        if (capacity <= 0 || cameFrom.has(to)) continue;
        cameFrom.set(to, from);
        waiting.push(to);
      }
    }
    if (!cameFrom.has(end)) return false;
    const path: [number, number][] = [];
    for (let to = end; to !== start; to = cameFrom.get(to)!) path.push([cameFrom.get(to)!, to]);
    const flow = Math.min(...path.map(([from, to]) => this.arcs[from]!.get(to)!));
    for (const [from, to] of path) {
      this.arcs[from]!.set(to, this.arcs[from]!.get(to)! - flow);
      this.arcs[to]!.set(from, this.arcs[to]!.get(from)! + flow);
    }
    return true;
  }

  /** What can still send to a place. */
  leadingTo(end: number): Set<number> {
    const found = new Set([end]);
    const waiting = [end];
    while (waiting.length > 0) {
      const to = waiting.pop()!;
      for (const from of this.arcs[to]!.keys())
        if (!found.has(from) && this.arcs[from]!.get(to)! > 0) {
          found.add(from);
          waiting.push(from);
        }
    }
    return found;
  }
}
