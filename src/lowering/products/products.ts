import type { Graph } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { fuseAttention } from './attention.js';
import { fuseGemm } from './gemm.js';

/** Attention as nodes of its own, then products with the transposes and sums around them. */
export function fuseProducts(graph: Graph, types: ValueTypes): Graph {
  return fuseGemm(fuseAttention(graph, types), types);
}
