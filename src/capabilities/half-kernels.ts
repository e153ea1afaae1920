import { microsoft } from '../onnx/domains.js';
import { cudaKernels } from '../releases/cuda-provider.js';
import type { Capabilities } from './capabilities.js';

/**
 * Whether a device has a kernel of an operator ("Conv", "com.microsoft:ConvGrad") for values of a half-precision type, of a runtime whose
 * training ops are known. On the CPU none has: float32 kernels compute, and ONNX Runtime casts.
 */
export function hasHalfKernel(capabilities: Capabilities, op: string, type: 'float16' | 'bfloat16'): boolean {
  if (capabilities.device === 'cpu') return false;
  const isTraining = op in capabilities.kernels || (op.startsWith(microsoft) && op.endsWith('Grad'));
  if (isTraining) return capabilities.kernels[op]?.includes(type) ?? false;
  const kernels = cudaKernels.get(op);
  return kernels !== undefined && (kernels.length === 0 || kernels.some((types) => types.includes(type)));
}
