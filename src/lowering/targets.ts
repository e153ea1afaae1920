import { microsoft } from '../onnx/domains.js';

/** The operators outside the ONNX standard that a runtime has kernels for. Everything else is lowered to standard ones. */
export interface Target {
  readonly name: string;
  readonly ops: ReadonlySet<string>;
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
      'LogSoftmaxGrad_13',
      'ReluGrad',
      'SigmoidGrad',
      'SoftmaxCrossEntropyLossGrad',
      'SoftmaxGrad_13',
      'TanhGrad',
    ].map((op) => `${microsoft}:${op}`),
  ]),
};
