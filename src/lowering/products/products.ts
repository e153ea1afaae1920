import type { Graph } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { fuseAttention } from './attention.js';

/** Attention as a node of its own. */
export function fuseProducts(graph: Graph, types: ValueTypes): Graph {
  return fuseAttention(graph, types);
}
