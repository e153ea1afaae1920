import { microsoft } from '../onnx/domains.js';
import type { ElementType } from '../onnx/tensors/element-types.js';

/**
 * Kernels of training ops and the element types in which their numbers are right. A kernel is an op, "com.microsoft:ConvGrad", or one of its
 * cases that a runtime may lack, "com.microsoft:ConvGrad/1-D" (see capabilities/kernels-needed.ts).
 */
export type TrainingKernels = Readonly<Record<string, readonly ElementType[]>>;

export const convGrad = `${microsoft}:ConvGrad`;
export const crossEntropyGrad = `${microsoft}:SoftmaxCrossEntropyLossGrad`;

type Row = readonly [op: string, types: readonly ElementType[]];

const table = (rows: readonly Row[]): TrainingKernels =>
  Object.fromEntries(
    rows.map(([op, types]) => [op.includes('Pool') || op.includes(':') ? op : `${microsoft}:${op}`, types]),
  );

/**
 * org.bytedeco:onnxruntime:1.28.0-1.5.14 on the CPU. Source: probed (linux-x86_64). In half types that have no kernel of their own, ONNX
 * Runtime casts to float32 and back, or writes the op out in others.
 */
export const cpuTrainingKernels: TrainingKernels = table([
  ['ReluGrad', ['float', 'float16']],
  ['SigmoidGrad', ['float', 'double', 'float16']],
  ['TanhGrad', ['float', 'double', 'float16']],
  ['GeluGrad', ['float', 'float16']],
  ['FastGeluGrad', ['float', 'double', 'float16']],
  ['QuickGeluGrad', ['float', 'float16']],
  ['SoftmaxGrad_13', ['float', 'float16']],
  ['LogSoftmaxGrad_13', ['float', 'float16']],
  [crossEntropyGrad, ['float', 'double', 'float16']],
  ['LayerNormalizationGrad', ['float', 'float16', 'bfloat16']],
  ['SimplifiedLayerNormalizationGrad', ['float', 'float16']],
  ['BatchNormInternal', ['float', 'float16']],
  ['BatchNormalizationGrad', ['float', 'float16']],
  [convGrad, ['float', 'float16']],
  [`${convGrad}/1-D`, ['float', 'float16']],
  [`${convGrad}/3-D`, ['float', 'float16']],
  [`${convGrad}/asymmetric`, ['float', 'float16']],
  ['MaxPoolGrad', ['float']],
  ['MaxPoolGrad/1-D', ['float']],
  ['MaxPoolGrad/3-D', ['float']],
  ['AveragePoolGrad', ['float']],
  ['AveragePoolGrad/1-D', ['float']],
]);

/**
 * The -gpu builds of the same on CUDA. Source: the kernel classes in the symbol table of libonnxruntime_providers_cuda.so (see
 * cuda-provider.ts), and, for what the kernels do, ONNX Runtime's source (orttraining/training_ops/cuda/nn): ConvGrad hands cuDNN the first
 * half of the pads alone. Not probed: no GPU.
 */
export const cudaTrainingKernels: TrainingKernels = table([
  ...['ReluGrad', 'SigmoidGrad', 'TanhGrad', 'GeluGrad', 'FastGeluGrad'].map(
    (op): Row => [op, ['float', 'double', 'float16']],
  ),
  ...['QuickGeluGrad', 'SoftmaxGrad_13', 'LogSoftmaxGrad_13'].map(
    (op): Row => [op, ['float', 'double', 'float16', 'bfloat16']],
  ),
  [crossEntropyGrad, ['float', 'float16', 'bfloat16']],
  ...['LayerNormalizationGrad', 'SimplifiedLayerNormalizationGrad'].map(
    (op): Row => [op, ['float', 'double', 'float16', 'bfloat16']],
  ),
  ['BatchNormInternal', ['float', 'double', 'float16']],
  ['BatchNormalizationGrad', ['float', 'double', 'float16']],
  ...['', '/1-D', '/3-D', '/grouped, not 2-D'].map(
    (variant): Row => [`${convGrad}${variant}`, ['float', 'double', 'float16']],
  ),
]);

/** Ops of which a table has at least some kernels. */
export const opsWithKernels = (kernels: TrainingKernels): Set<string> =>
  new Set(Object.keys(kernels).map((kernel) => kernel.split('/')[0]!));

/** Of these, the ops that are right for windows on any number of axes: of 1.28 on the CPU, all but AveragePoolGrad on three. */
export const opsOfAnyRank = (kernels: TrainingKernels): Set<string> =>
  new Set([...opsWithKernels(kernels)].filter((op) => !(`${op}/1-D` in kernels) || `${op}/3-D` in kernels));
