import { intsAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { mapNodes } from './rename.js';

/**
 * Makes Identity nodes of Transposes that leave every axis where it is. ONNX Runtime 1.21 to 1.29 takes any Transpose beside a Gemm, or
 * beside a MatMul and an Add, for one that swaps the two axes: of a square matrix it then computes other numbers
 * (onnxruntime issue 32228).
 */
export const dropIdentityTransposes = (graph: Graph): Graph =>
  mapNodes(graph, (node) => [isIdentity(node) ? { ...node, opType: 'Identity', attribute: [] } : node]);

const isIdentity = (node: Node): boolean =>
  opKey(node) === 'Transpose' &&
  intsAttribute(node, 'perm')?.every((axis, position) => axis === position) === true;
