/** The operators outside the ONNX standard that a runtime has kernels for. Everything else is lowered to standard ones. */
export interface Target {
  readonly name: string;
  readonly ops: ReadonlySet<string>;
}

/** Any ONNX runtime: standard operators alone. */
export const standard: Target = { name: 'standard', ops: new Set() };

/** ONNX Runtime built with training, CPU. Source: its kernel registry, release 1.28. */
export const training: Target = {
  name: 'training',
  ops: new Set(
    [
      'AveragePoolGrad',
      'BatchNormInternal',
      'BatchNormalizationGrad',
      'ConvGrad',
      'LogSoftmaxGrad_13',
      'MaxPoolGrad',
      'ReluGrad',
      'SigmoidGrad',
      'SoftmaxCrossEntropyLossGrad',
      'SoftmaxGrad_13',
      'TanhGrad',
    ].map((op) => `com.microsoft:${op}`),
  ),
};
