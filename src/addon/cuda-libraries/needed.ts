/** A shared library that training on CUDA needs. */
export interface CudaLibrary {
  readonly name: string;
  readonly purpose: string;
  /** Python package that brings it; the driver has none. */
  readonly pipPackage?: string;
  /** File names that the loader knows it by; without one it is not needed there. */
  readonly file: { readonly linux?: string; readonly win32?: string };
  /** What it loads itself from its own folder: the beginnings of their file names. */
  readonly companions?: { readonly linux: readonly string[]; readonly win32: readonly string[] };
}

export const DRIVER: CudaLibrary = {
  name: 'NVIDIA driver',
  purpose: 'the GPU itself',
  file: { linux: 'libcuda.so.1', win32: 'nvcuda.dll' },
};

/** flatmin compiles its own kernels with it. */
export const COMPILER: CudaLibrary = {
  name: 'NVRTC',
  purpose: "compiles flatmin's kernels",
  pipPackage: 'nvidia-cuda-nvrtc',
  file: { linux: 'libnvrtc.so.13', win32: 'nvrtc64_130_0.dll' },
  companions: { linux: ['libnvrtc-builtins.so.13'], win32: ['nvrtc-builtins64_13'] },
};

// Parts of cuDNN 9 that its entry library opens when they are first used; those of recurrent nets (adv) and extensions are not needed.
const CUDNN_PARTS = [
  'graph',
  'ops',
  'cnn',
  'heuristic',
  'engines_precompiled',
  'engines_runtime_compiled',
] as const;

/**
 * In the order in which they can be loaded. Source: the dynamic sections (readelf -d, objdump -p) of libonnxruntime_providers_cuda of
 * the training build 1.28.0 and of CUDA 13's and cuDNN 9's own libraries. That provider opens cuFFT for Rfft and Irfft alone, and needs
 * no cuRAND; on Windows it has the CUDA runtime inside.
 */
export const CUDA_LIBRARIES: readonly CudaLibrary[] = [
  DRIVER,
  {
    name: 'CUDA runtime',
    purpose: 'memory and launches',
    pipPackage: 'nvidia-cuda-runtime',
    file: { linux: 'libcudart.so.13' },
  },
  COMPILER,
  {
    name: 'cuBLASLt',
    purpose: 'matrix products',
    pipPackage: 'nvidia-cublas',
    file: { linux: 'libcublasLt.so.13', win32: 'cublasLt64_13.dll' },
  },
  {
    name: 'cuBLAS',
    purpose: 'matrix products',
    pipPackage: 'nvidia-cublas',
    file: { linux: 'libcublas.so.13', win32: 'cublas64_13.dll' },
  },
  {
    name: 'cuDNN',
    purpose: 'convolutions and normalisation',
    pipPackage: 'nvidia-cudnn-cu13',
    file: { linux: 'libcudnn.so.9', win32: 'cudnn64_9.dll' },
    companions: {
      linux: CUDNN_PARTS.map((part) => `libcudnn_${part}.so.9`),
      win32: CUDNN_PARTS.map((part) => `cudnn_${part}64_9.dll`),
    },
  },
];
