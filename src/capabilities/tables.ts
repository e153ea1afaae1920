import { cpuTrainingKernels, cudaTrainingKernels } from '../releases/training-kernels.js';
import type { Capabilities } from './capabilities.js';

/** onnxruntime-node 1.30: no training op. Source: probed. */
export const stockCpu: Capabilities = { device: 'cpu', kernels: {}, runningVariance: 'population' };

/** The training build on the CPU. */
export const trainingCpu: Capabilities = {
  device: 'cpu',
  kernels: cpuTrainingKernels,
  runningVariance: 'population',
};

/**
 * The training build on CUDA. BatchNormInternal leaves the running variance to cuDNN, which takes the unbiased one (ONNX Runtime,
 * orttraining/training_ops/cuda/nn).
 */
export const trainingCuda: Capabilities = {
  device: 'cuda',
  kernels: cudaTrainingKernels,
  runningVariance: 'unbiased',
};
