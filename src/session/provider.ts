import type { NativeSessionOptions } from '../addon/types.js';
import type { Device, Gpu } from '../vectors/device/device.js';

type Place = Pick<NativeSessionOptions, 'providers' | 'exclusiveOn'>;

/** Of each GPU, whether its first sessions may compute with TF32. */
const firstTf32 = new Map<number, boolean>();

/**
 * ONNX Runtime keeps what its search found for gradients of convolutions for the whole process, with the math mode, by shapes, type and kind
 * of search (orttraining/training_ops/cuda/nn/conv_shared.cc). So that float32 never gets the modes of TF32, nor the reverse, the second
 * precision of a process searches by heuristics.
 */
function algorithmSearch({ ordinal, tf32 }: Gpu): string {
  if (!firstTf32.has(ordinal)) firstTf32.set(ordinal, tf32);
  return firstTf32.get(ordinal) === tf32 ? 'EXHAUSTIVE' : 'HEURISTIC';
}

/**
 * Session options that put a session on a device: on a GPU ONNX Runtime's CUDA provider on the device's stream, on the CPU none.
 * Source of the names: ONNX Runtime, core/providers/cuda/cuda_execution_provider_info.cc.
 * @param graph whether its runs are captured as CUDA graphs; whether its products are in half precision
 */
export function placeOn(
  { gpu }: Pick<Device, 'gpu'>,
  { capture = false, halfPrecision = false }: { capture?: boolean; halfPrecision?: boolean } = {},
): Place {
  if (!gpu) return {};
  const options = {
    device_id: String(gpu.ordinal),
    has_user_compute_stream: '1',
    user_compute_stream: gpu.native.streamAddress,
    do_copy_in_default_stream: '1',
    // Shapes never change, so the arena need not grow ahead of them, and the search for the fastest algorithm pays.
    arena_extend_strategy: 'kSameAsRequested',
    cudnn_conv_algo_search: algorithmSearch(gpu),
    cudnn_conv_use_max_workspace: '1',
    // Without it ONNX Runtime's Conv takes no algorithm on tensor cores in any element type (core/providers/cuda/nn/conv.cc; release 1.28).
    // The products of a graph in half precision are in that, so TF32 changes none.
    use_tf32: gpu.tf32 || halfPrecision ? '1' : '0',
    ...(capture && { enable_cuda_graph: '1' }),
  };
  return { providers: [{ name: 'CUDA', options }], ...(capture && { exclusiveOn: gpu.native }) };
}

/**
 * Configuration of runs whose outputs all stay on the device: what is queued behind a run waits for it on the stream, and nobody else does.
 * Source of the name: ONNX Runtime, onnxruntime_run_options_config_keys.h.
 */
export const runConfigOn = ({ gpu }: Pick<Device, 'gpu'>): Readonly<Record<string, string>> =>
  gpu ? { disable_synchronize_execution_providers: '1' } : {};
