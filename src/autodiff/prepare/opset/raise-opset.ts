import { isStandardDomain } from '../../../onnx/domains.js';
import type { Graph, ModelProto, Node, ValueInfo } from '../../../onnx/proto.js';
import { int64 } from '../../../onnx/proto.js';
import { mapNodes } from '../rename.js';
import { type Upgrade, UpgradeContext } from './upgrade-context.js';
import { upgrades } from './upgrades.js';

/** The operator set that older models are raised to: that of the training graphs' own nodes. */
const TARGET = 17;

export function opsetOf(model: ModelProto): number {
  const entry = model.opsetImport.find(({ domain }) => isStandardDomain(domain));
  // A file without the entry is older than operator sets.
  return entry ? int64(entry.version, 1) : 1;
}

/**
 * A model of operator set 17 that computes the same as one of an older set; a newer one is left as it is.
 * Source: the ONNX operator changelog.
 * @throws FlatminError INVALID_MODEL naming a node whose old form has no equal in set 17
 */
export function raiseOpset(model: ModelProto): ModelProto {
  const version = opsetOf(model);
  if (version >= TARGET) return model;
  const opsetImport = [
    { domain: '', version: TARGET },
    ...model.opsetImport.filter(({ domain }) => !isStandardDomain(domain)),
  ];
  return { ...model, graph: raiseGraph(model.graph, version), opsetImport };
}

function raiseGraph(graph: Graph, version: number): Graph {
  const ranks = new Map<string, number>();
  const note = ({ name, type }: ValueInfo) => {
    const shape = type?.tensorType?.shape;
    if (shape) ranks.set(name, shape.dim?.length ?? 0);
  };
  [...graph.input, ...graph.output, ...graph.valueInfo].forEach(note);
  for (const { name, dims } of graph.initializer) ranks.set(name ?? '', dims?.length ?? 0);
  let count = 0;
  const fresh = (hint: string) => `${hint}/raised_${count++}`;
  return mapNodes(graph, (node) => {
    if (!isStandardDomain(node.domain)) return [node];
    return chain(node, upgrades[node.opType] ?? [], version, ranks, fresh);
  });
}

/** Applies the steps from a node's version on, in order; only the last node of each step has further ones. */
function chain(
  node: Node,
  steps: readonly Upgrade[],
  version: number,
  ranks: ReadonlyMap<string, number>,
  fresh: (hint: string) => string,
): Node[] {
  const kept = node.attribute.filter(({ name }) => !(version < 7 && name === 'consumed_inputs'));
  let current: Node = kept.length === node.attribute.length ? node : { ...node, attribute: kept };
  const before: Node[] = [];
  const after: Node[] = [];
  for (const { below, apply } of steps) {
    if (version >= below) continue;
    const context = new UpgradeContext(current, ranks, fresh);
    current = apply(context) ?? current;
    before.push(...context.before);
    after.unshift(...context.after);
  }
  return [...before, current, ...after];
}
