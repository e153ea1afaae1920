import type { Node } from '../../../src/onnx/proto.js';
import type { NdArray } from '../nd-array.js';

/** Computes the outputs of one node. An optional input left out is undefined. */
export type Op = (inputs: readonly (NdArray | undefined)[], node: Node) => NdArray[];

export type OpTable = Readonly<Record<string, Op>>;
