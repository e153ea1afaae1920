import test from 'ava';
import { minimumCut } from '../../../../src/lowering/fusion/min-cut.js';
import { RandomStream } from '../../../gradcheck/random.js';

test('a chain is cut at its cheapest vertex, the nearest to the end of equals', (t) => {
  t.deepEqual([...minimumCut([[1], [2], [3], []], [9, 2, 2, 5], [0], [3])], [2]);
});

test('a source and a sink may be what is cut', (t) => {
  t.deepEqual([...minimumCut([[1], []], [1, 3], [0], [1])], [0]);
  t.deepEqual([...minimumCut([[1], []], [3, 1], [0], [1])], [1]);
  t.deepEqual([...minimumCut([[]], [4], [0], [0])], [0]);
});

test('what costs nothing is cut first', (t) => {
  const cut = minimumCut([[2], [2], [3, 4], [], []], [0, 0, 7, 5, 5], [0, 1], [3, 4]);
  t.is([...cut].filter((vertex) => vertex > 1).length, 0);
});

/** Whether some path leads from a source to a sink around the vertices. */
function leaks(
  edges: readonly (readonly number[])[],
  cut: ReadonlySet<number>,
  sources: readonly number[],
  sinks: readonly number[],
): boolean {
  const waiting = sources.filter((vertex) => !cut.has(vertex));
  const seen = new Set(waiting);
  while (waiting.length > 0) {
    const vertex = waiting.pop()!;
    if (sinks.includes(vertex)) return true;
    for (const next of edges[vertex]!)
      if (!cut.has(next) && !seen.has(next)) {
        seen.add(next);
        waiting.push(next);
      }
  }
  return false;
}

test('of random graphs no set of vertices that cuts every path is cheaper', (t) => {
  const random = new RandomStream('cuts');
  for (let round = 0; round < 200; round++) {
    const count = 7;
    const edges = Array.from({ length: count }, (_, from) =>
      Array.from({ length: count }, (_each, to) => to).filter(
        (to) => to > from && random.uniform(0, 1) < 0.4,
      ),
    );
    const costs = Array.from({ length: count }, () => Math.floor(random.uniform(0, 6)));
    const [sources, sinks] = [
      [0, 1],
      [5, 6],
    ];
    const cut = minimumCut(edges, costs, sources, sinks);
    const price = (set: Iterable<number>) => [...set].reduce((sum, vertex) => sum + costs[vertex]!, 0);
    t.false(leaks(edges, cut, sources, sinks));
    for (let bits = 0; bits < 1 << count; bits++) {
      const other = new Set([...costs.keys()].filter((vertex) => (bits >> vertex) & 1));
      if (!leaks(edges, other, sources, sinks)) t.true(price(cut) <= price(other));
    }
  }
});
