import { microsoft } from '../onnx/domains.js';
import type { Capabilities } from './capabilities.js';
import type { ElementType } from './element-types.js';
import { convGrad, crossEntropyGrad } from './kernels-needed.js';

type Kernels = Capabilities['kernels'];
type Row = readonly [op: string, types: readonly ElementType[]];

const table = (rows: readonly Row[]): Kernels =>
  Object.fromEntries(
    rows.map(([op, types]) => [op.includes('Pool') || op.includes(':') ? op : `${microsoft}:${op}`, types]),
  );

/** onnxruntime-node 1.30: no training op. Source: probed. */
export const stockCpu: Capabilities = { device: 'cpu', kernels: {}, runningVariance: 'population' };

/**
 * org.bytedeco:onnxruntime:1.28.0-1.5.14 on the CPU. Source: probed (linux-x86_64). In half types that have no kernel of their own, ONNX
 * Runtime casts to float32 and back, or writes the op out in others.
 */
export const trainingCpu: Capabilities = {
  device: 'cpu',
  kernels: table([
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
  ]),
  runningVariance: 'population',
};

/**
 * The -gpu builds of the same on CUDA. Source: the kernel classes in the symbol table of libonnxruntime_providers_cuda.so (see
 * cuda-kernels.ts), and, for what the kernels do, ONNX Runtime's source (orttraining/training_ops/cuda/nn): ConvGrad hands cuDNN the first
 * half of the pads alone; BatchNormInternal leaves the running variance to cuDNN, which takes the unbiased one. Not probed: no GPU.
 */
export const trainingCuda: Capabilities = {
  device: 'cuda',
  kernels: table([
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
  ]),
  runningVariance: 'unbiased',
};
