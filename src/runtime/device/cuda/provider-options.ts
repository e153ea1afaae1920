import type { NativeSessionOptions } from '../../addon-types.js';

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
    cudnn_conv_algo_search: 'EXHAUSTIVE',
    cudnn_conv_use_max_workspace: '1',
    use_tf32: tf32 ? '1' : '0',
    ...(capture && { enable_cuda_graph: '1' }),
  };
  return [{ name: 'CUDA', options }];
}
