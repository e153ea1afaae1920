import { makeAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { flatminDomain } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { namesIn } from '../../onnx/subgraphs.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { activateNorms } from './activated-norm.js';
import { emitRegion, REGION } from './emit.js';
import type { KnownValues } from './forms/form.js';
import { growRegions } from './grow.js';
import { MOST_NODES } from './limits.js';
import { repeatPerReader, withoutIdentities } from './per-reader.js';
import type { RegionPlan } from './plan.js';
import { recompute } from './recompute.js';

/**
 * Puts elementwise operators, broadcasts, transpositions and reductions that can run over the same elements into regions: one node each,
 * whose program passes over memory once.
 * @param types of all values; takes those of new ones
 */
export function fuseRegions(given: Graph, types: ValueTypes): Graph {
  if (given.node.length > MOST_NODES) return given;
  const graph = repeatPerReader(activateNorms(withoutIdentities(given, types), types), types);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name ?? '', tensor]));
  const known: KnownValues = { types, constants };
  const regions = growRegions(graph, known);
  const plans = recompute(graph, regions, known);
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(namesIn(graph.node));
  const defined = new Set<string>();
  for (const group of regions.groups.sorted) {
    const plan = plans.get(group);
    const own = regions.groups.nodes(group).map((index) => graph.node[index]!);
    for (const node of plan ? nodesOf(plan, own, known, builder) : own) {
      // What several regions compute again, where no region is made of them.
      if (node.output.some((name) => defined.has(name))) continue;
      for (const name of node.output) if (name) defined.add(name);
      builder.graph.node.push(node);
    }
  }
  return builder.graph;
}

/** None where nobody reads what they make. */
function nodesOf(
  plan: RegionPlan,
  own: readonly Node[],
  known: KnownValues,
  builder: GraphBuilder,
): readonly Node[] {
  if (plan.outputs.length === 0) return [];
  return isWorthwhile(plan, own) ? [nodeOf(plan, known, builder)] : plan.members.map(({ node }) => node);
}

/** Operators that ONNX Runtime computes as several. */
const COMPOSED = new Set(['HardSwish', 'Mish']);

/** A single operator has a kernel already; what is computed again is so in a region alone. */
function isWorthwhile({ members, inputs }: RegionPlan, own: readonly Node[]): boolean {
  if (inputs.length === 0) return false;
  const computes = members.filter(({ form }) => form.kind !== 'view').length;
  return (
    computes > 1 ||
    members.some(({ node }) => COMPOSED.has(node.opType)) ||
    members.some(({ node }) => !own.includes(node))
  );
}

function nodeOf(plan: RegionPlan, known: KnownValues, builder: GraphBuilder): Node {
  const { inputs, outputs, attributes } = emitRegion(plan, known);
  return {
    opType: REGION,
    domain: flatminDomain,
    name: builder.fresh(REGION),
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) => makeAttribute(name, value!)),
  };
}
