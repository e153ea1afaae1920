import { GraphBuilder } from '../onnx/builder.js';
import { flatminDomain, opKey } from '../onnx/domains.js';
import { opTable } from '../onnx/op-table.js';
import type { Graph, Node } from '../onnx/proto.js';
import { isScan, scanParts, withBody } from '../onnx/scan.js';
import { namesIn } from '../onnx/subgraphs.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { activation } from './activation.js';
import { batchNorm } from './batch-norm.js';
import { type Lowering, LoweringContext } from './context.js';
import { conv } from './conv.js';
import { layerNorm } from './layer-norm.js';
import { pool } from './pool.js';
import { softmaxes } from './softmax.js';
import type { Target } from './targets.js';

/** Training op → how standard operators compute it. */
export const lowerings = opTable<Lowering>(activation, softmaxes, conv, batchNorm, layerNorm, pool);

/**
 * Rewrites every op that the target has no kernel for, those in the bodies of Scan nodes too. The graph itself is left alone.
 * @param types types of the graph's values: of the inputs and outputs of every training op at least
 * @param report takes the errors of single nodes, which are left out then; default: they are thrown
 */
export function lower(
  graph: Graph,
  types: ValueTypes,
  target: Target,
  report: (node: Node, error: unknown) => void = (_, error) => {
    throw error;
  },
): Graph {
  const source = target.fuse?.(graph, types) ?? graph;
  const builder = new GraphBuilder({ ...source, node: [], initializer: [...source.initializer] });
  builder.reserve(namesIn(source.node));
  for (const node of source.node) {
    try {
      append(node, builder, types, target);
    } catch (error) {
      report(node, error);
    }
  }
  return builder.graph;
}

function append(node: Node, builder: GraphBuilder, types: ValueTypes, target: Target): void {
  const key = opKey(node);
  if (isScan(node)) {
    const { body } = scanParts(node);
    const inner = builder.nested({ ...body, node: [], initializer: [...body.initializer] });
    for (const each of body.node) append(each, inner, types, target);
    builder.graph.node.push(withBody(node, inner.graph));
    return;
  }
  const context = new LoweringContext(node, builder, types);
  if (node.domain === flatminDomain) {
    builder.graph.node.push(node);
    return;
  }
  if (target.rewrites?.[key]?.(context)) return;
  const lowering = lowerings[key];
  // Without a lowered form it is a standard operator, or one of the model's own.
  if (!lowering || (target.ops.has(key) && (target.takes?.(context) ?? true))) builder.graph.node.push(node);
  else lowering(context);
}
