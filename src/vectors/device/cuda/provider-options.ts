import type { NativeSessionOptions } from '../../../addon/types.js';

/** Of each GPU, whether its first sessions may compute with TF32. */
const firstTf32 = new Map<number, boolean>();

/**
 * ONNX Runtime keeps what its search found for gradients of convolutions for the whole process, with the math mode, by shapes, type and kind
 * of search (orttraining/training_ops/cuda/nn/conv_shared.cc). So that float32 never gets the modes of TF32, nor the reverse, the second
 * precision of a process searches by heuristics.
 */
function algorithmSearch(ordinal: number, tf32: boolean): string {
  if (!firstTf32.has(ordinal)) firstTf32.set(ordinal, tf32);
  return firstTf32.get(ordinal) === tf32 ? 'EXHAUSTIVE' : 'HEURISTIC';
}

/**
 * ONNX Runtime's CUDA provider on the stream of a device.
 * Source of the names: ONNX Runtime, core/providers/cuda/cuda_execution_provider_info.cc.
 */
export function cudaProvider({
  ordinal,
  streamAddress,
  tf32,
  capture,
}: {
  ordinal: number;
  streamAddress: string;
  tf32: boolean;
  /** Runs are captured as CUDA graphs. */
  capture: boolean;
}): NativeSessionOptions['providers'] {
  const options = {
    device_id: String(ordinal),
    has_user_compute_stream: '1',
    user_compute_stream: streamAddress,
    do_copy_in_default_stream: '1',
    // Shapes never change, so the arena need not grow ahead of them, and the search for the fastest algorithm pays.
    arena_extend_strategy: 'kSameAsRequested',
    cudnn_conv_algo_search: algorithmSearch(ordinal, tf32),
    cudnn_conv_use_max_workspace: '1',
    use_tf32: tf32 ? '1' : '0',
    ...(capture && { enable_cuda_graph: '1' }),
  };
  return [{ name: 'CUDA', options }];
}

/**
 * The providers for a graph in half precision. Without `use_tf32` ONNX Runtime's Conv takes no algorithm on tensor cores in any element type
 * (core/providers/cuda/nn/conv.cc; release 1.28); the products of such a graph are in half precision, so TF32 changes none.
 */
export const withTensorCores = (
  providers: NativeSessionOptions['providers'],
): NativeSessionOptions['providers'] =>
  providers?.map(({ name, options }) => ({ name, options: { ...options, use_tf32: '1' } }));
