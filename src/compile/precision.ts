/** All that there are. */
export const PRECISIONS = ['fp32', 'tf32', 'fp16', 'bf16'] as const;
/**
 * Numbers that a training graph computes with. Parameters, running statistics, gradients and optimizer state are float32 always.
 * 'fp32': float32. 'tf32': float32 with products of 10-bit mantissas on NVIDIA's tensor cores. 'fp16', 'bf16': half-precision
 * activations, convolutions and matrix products, fp16 with a dynamic loss scale.
 */
export type Precision = (typeof PRECISIONS)[number];
