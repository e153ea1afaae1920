import { liveness } from '../../onnx/liveness.js';
import type { Graph } from '../../onnx/proto.js';
import type { TypedGraph } from '../../onnx/typed-graph.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { ForwardPart } from './forward-part.js';
import { type Recomputed, rewrite } from './rewrite.js';
import { cutSegments } from './segments.js';

/** What recomputation does to a training graph. */
export interface Recomputation {
  /** Activation memory without it, in bytes, from the lifetimes of values. */
  readonly before: number;
  /** And with it. */
  readonly after: number;
  /** Nodes of the forward part that are computed twice. */
  readonly nodes: number;
  /** All nodes of the forward part. */
  readonly of: number;
  /** Their part of the forward part's time, estimated from operations and bytes. */
  readonly time: number;
}

/** Parts that what is kept is cut into. */
const PARTS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/** What more memory is worth the least time. */
const NEAR = 1.03;

interface Candidate extends Recomputed {
  readonly bytes: number;
  readonly cost: number;
}

/**
 * Computes forward values again in the backward part of a training graph in place of keeping them, by the cheapest plan that needs at most
 * a share of the graph's activation memory; where none does, or no share is given, by one that needs the least.
 * @param graph whose first output is the loss, nodes in an order that they can run in
 * @param types of all its values
 */
export function recompute(
  graph: Graph,
  types: ValueTypes,
  share?: number,
): TypedGraph & { readonly recomputation: Recomputation } {
  const part = new ForwardPart(graph, types);
  const none: Candidate = { graph, types, again: [], bytes: liveness(graph, types).peakBytes, cost: 0 };
  const seen = new Set<string>();
  const candidates = [none];
  for (const parts of PARTS) {
    const segments = cutSegments(part, part.keptBytes / parts);
    const key = segments.join();
    if (seen.has(key)) continue;
    seen.add(key);
    for (const products of [false, true]) {
      const made = rewrite(part, { segments, products });
      if (made.again.length === 0) continue;
      const cost = made.again.reduce((sum, each) => sum + each.cost, 0);
      candidates.push({ ...made, bytes: liveness(made.graph, made.types).peakBytes, cost });
    }
  }
  const chosen = choose(candidates, share);
  const total = part.nodes.reduce((sum, { cost }) => sum + cost, 0);
  return {
    graph: chosen.graph,
    types: chosen.types,
    recomputation: {
      before: none.bytes,
      after: chosen.bytes,
      nodes: chosen.again.length,
      of: part.nodes.length,
      time: total > 0 ? chosen.cost / total : 0,
    },
  };
}

function choose(candidates: readonly Candidate[], share: number | undefined): Candidate {
  const least = Math.min(...candidates.map(({ bytes }) => bytes));
  const limit = Math.max(share === undefined ? 0 : share * candidates[0]!.bytes, NEAR * least);
  return candidates
    .filter(({ bytes }) => bytes <= limit)
    .reduce((best, each) => (each.cost < best.cost ? each : best));
}
