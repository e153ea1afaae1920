import type { Graph } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { fuseAttention } from './attention.js';
import { fuseGemm } from './gemm.js';
import { stackProducts } from './stacked.js';

/** Attention as nodes of its own, products with the transposes and sums around them, and sums of products as one. */
export function fuseProducts(graph: Graph, types: ValueTypes): Graph {
  return stackProducts(fuseGemm(fuseAttention(graph, types), types), types);
}
