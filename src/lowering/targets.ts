import { microsoft } from '../onnx/domains.js';
import type { Graph } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';
import type { LoweringContext } from './context.js';
import { fuseBatchNorm } from './kernels/batch-norm.js';
import * as conv from './kernels/conv.js';

/** What a runtime can run beyond the standard operators. */
export interface Target {
  readonly name: string;
  /** Training ops that it has kernels for. The others are lowered to standard operators. */
  readonly ops: ReadonlySet<string>;
  /** Rewrites of single ops into kernels of its own, tried first; false where the kernel does not take the node's shape. */
  readonly rewrites?: Readonly<Record<string, (context: LoweringContext) => boolean>>;
  /** A rewrite of the whole graph before those. */
  readonly fuse?: (graph: Graph, types: ValueTypes) => Graph;
}

/** Any ONNX runtime: standard operators alone. */
export const standard: Target = { name: 'standard', ops: new Set() };

/**
 * ONNX Runtime built with training, CPU. Source: its kernel registry, release 1.28. AveragePoolGrad is left out: that release is wrong
 * for windows that overlap in some shapes.
 */
export const training: Target = {
  name: 'training',
  ops: new Set([
    'MaxPoolGrad',
    ...[
      'BatchNormInternal',
      'BatchNormalizationGrad',
      'ConvGrad',
      'FastGeluGrad',
      'GeluGrad',
      'LayerNormalizationGrad',
      'LogSoftmaxGrad_13',
      'QuickGeluGrad',
      'ReluGrad',
      'SigmoidGrad',
      'SimplifiedLayerNormalizationGrad',
      'SoftmaxCrossEntropyLossGrad',
      'SoftmaxGrad_13',
      'TanhGrad',
    ].map((op) => `${microsoft}:${op}`),
  ]),
};

/** Any ONNX Runtime with flatmin's own CPU kernels registered (native/custom_ops.cc). */
export const flatmin: Target = {
  name: 'flatmin',
  ops: new Set(),
  rewrites: { Conv: conv.forward, [`${microsoft}:ConvGrad`]: conv.gradient },
  fuse: fuseBatchNorm,
};
