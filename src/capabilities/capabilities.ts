import type { ElementType } from './element-types.js';

/** What a runtime computes right on one kind of device, beyond the standard operators. */
export interface Capabilities {
  readonly device: 'cpu' | 'cuda';
  /**
   * Kernels of training ops and the element types in which their numbers are right. A kernel is an op, "com.microsoft:ConvGrad", or one of
   * its cases that a runtime may lack, "com.microsoft:ConvGrad/1-D" (see kernels-needed.ts).
   */
  readonly kernels: Readonly<Record<string, readonly ElementType[]>>;
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
