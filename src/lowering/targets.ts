import { microsoft } from '../onnx/domains.js';
import type { Graph } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { endsProcess } from '../releases/crashes.js';
import { cpuTrainingKernels, opsOfAnyRank } from '../releases/training-kernels.js';
import { batchNormInternal } from './alias.js';
import type { LoweringContext } from './context.js';
import { fuseRegions } from './fusion/fuse.js';
import { fuseAddSlices } from './kernels/add-slices.js';
import { fuseBatchNorm } from './kernels/batch-norm.js';
import * as conv from './kernels/conv.js';
import { fuseProducts } from './products/products.js';

/** A rewrite of one op; false where it does not apply to the node. */
export type Rewrite = (context: LoweringContext) => boolean;

/** What a runtime can run beyond the standard operators. */
export interface Target {
  readonly name: string;
  /** Whether graphs hold flatmin's own CPU kernels (domain "flatmin"): their sessions register these. */
  readonly kernels: boolean;
  /** Training ops that it has kernels for. The others are lowered to standard operators. */
  readonly ops: ReadonlySet<string>;
  /** Whether the kernel of one of `ops` is used for this node, or its lowered form. Default: always. */
  readonly takes?: (context: LoweringContext) => boolean;
  /** Rewrites of single ops into other forms, tried first. */
  readonly rewrites?: Readonly<Record<string, Rewrite>>;
  /** A rewrite of the whole graph before those. */
  readonly fuse?: (graph: Graph, types: ValueTypes) => Graph;
  /** A rewrite of the whole graph after those, with the types of all its values. Default: none. */
  readonly finish?: (graph: Graph, types: ValueTypes) => Graph;
}

/** Any ONNX runtime: standard operators alone. */
export const standard: Target = { name: 'standard', kernels: false, ops: new Set() };

/** ONNX Runtime built with training, CPU: every training op that has a kernel, wherever it is right. */
export const training: Target = {
  name: 'training',
  kernels: false,
  ops: opsOfAnyRank(cpuTrainingKernels),
  takes: (context) => !endsProcess(context.node, (name) => context.dims(name)),
  rewrites: { [`${microsoft}:BatchNormInternal`]: batchNormInternal },
};

/** Any ONNX Runtime with flatmin's own CPU kernels registered (native/operators/custom_ops.cc). */
export const flatmin: Target = {
  name: 'flatmin',
  kernels: true,
  ops: new Set(),
  rewrites: { Conv: conv.forward, [`${microsoft}:ConvGrad`]: conv.gradient },
  fuse: fuseBatchNorm,
  finish: (graph, types) => fuseRegions(fuseProducts(fuseAddSlices(graph, types), types), types),
};
