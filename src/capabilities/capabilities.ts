import type { ElementType } from '../onnx/tensors/element-types.js';
import type { TrainingKernels } from '../releases/training-kernels.js';

/** What a runtime computes right on one kind of device, beyond the standard operators. */
export interface Capabilities {
  readonly device: 'cpu' | 'cuda';
  readonly kernels: TrainingKernels;
  /** How BatchNormInternal moves the running variance: by the batch's population or unbiased variance. */
  readonly runningVariance: 'population' | 'unbiased';
}

/** A kernel that a probe found missing or wrong. */
export interface ProbeFailure {
  readonly kernel: string;
  readonly type: ElementType;
  /** ONNX Runtime's message, "crashed", or how far its numbers are off. */
  readonly reason: string;
}

export interface ProbedCapabilities extends Capabilities {
  readonly failures: readonly ProbeFailure[];
}

/** 'cpu', 'cuda' or 'cuda:1' → 'cpu' or 'cuda'. */
export const deviceKind = (name: string): Capabilities['device'] =>
  /^cuda(:\d+)?$/.test(name) ? 'cuda' : 'cpu';
