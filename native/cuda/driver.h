// The part of CUDA's driver API that flatmin calls, loaded at run time. Names, signatures and constants are facts of cuda.h,
// whose C ABI is stable: a changed function gets a new name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "../base/shared_library.h"

#ifdef _WIN32
#define FLATMIN_CUDA_CALL __stdcall
#else
#define FLATMIN_CUDA_CALL
#endif

struct CUctx_st;
struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUmod_st;
struct CUfunc_st;

namespace flatmin::cuda {

using Result = int;
using DeviceNumber = int;
using DeviceAddress = unsigned long long;
using Context = CUctx_st*;
using Stream = CUstream_st*;
using EventHandle = CUevent_st*;
using Graph = CUgraph_st*;
using ModuleHandle = CUmod_st*;
using Kernel = CUfunc_st*;

constexpr Result kSuccess = 0;
constexpr Result kInvalidValue = 1;
constexpr Result kOutOfMemory = 2;
constexpr Result kNotFound = 500;
constexpr Result kNotReady = 600;

enum Attribute : int { kMultiprocessorCount = 16, kCapabilityMajor = 75, kCapabilityMinor = 76 };
enum StreamFlag : unsigned { kStreamNonBlocking = 1 };
enum EventFlag : unsigned { kEventBlockingSync = 1, kEventDisableTiming = 2 };
enum CaptureStatus : int { kNotCapturing = 0, kCapturing = 1, kCaptureInvalidated = 2 };
enum HostFlag : unsigned { kHostPortable = 1 };

// X(name, arguments)
#define FLATMIN_CUDA_FUNCTIONS(X)                                                                                      \
  X(cuInit, (unsigned))                                                                                                \
  X(cuDriverGetVersion, (int*))                                                                                        \
  X(cuGetErrorName, (Result, const char**))                                                                            \
  X(cuGetErrorString, (Result, const char**))                                                                          \
  X(cuDeviceGetCount, (int*))                                                                                          \
  X(cuDeviceGet, (DeviceNumber*, int))                                                                                 \
  X(cuDeviceGetName, (char*, int, DeviceNumber))                                                                       \
  X(cuDeviceGetAttribute, (int*, int, DeviceNumber))                                                                   \
  X(cuDevicePrimaryCtxRetain, (Context*, DeviceNumber))                                                                \
  X(cuCtxSetCurrent, (Context))                                                                                        \
  X(cuStreamCreate, (Stream*, unsigned))                                                                               \
  X(cuStreamSynchronize, (Stream))                                                                                     \
  X(cuStreamIsCapturing, (Stream, CaptureStatus*))                                                                     \
  X(cuStreamEndCapture, (Stream, Graph*))                                                                              \
  X(cuGraphDestroy, (Graph))                                                                                           \
  X(cuMemGetInfo_v2, (size_t*, size_t*))                                                                               \
  X(cuMemAlloc_v2, (DeviceAddress*, size_t))                                                                           \
  X(cuMemFree_v2, (DeviceAddress))                                                                                     \
  X(cuMemHostAlloc, (void**, size_t, unsigned))                                                                        \
  X(cuMemFreeHost, (void*))                                                                                            \
  X(cuMemsetD8Async, (DeviceAddress, unsigned char, size_t, Stream))                                                   \
  X(cuMemcpyAsync, (DeviceAddress, DeviceAddress, size_t, Stream))                                                     \
  X(cuMemcpyHtoDAsync_v2, (DeviceAddress, const void*, size_t, Stream))                                                \
  X(cuMemcpyDtoHAsync_v2, (void*, DeviceAddress, size_t, Stream))                                                      \
  X(cuEventCreate, (EventHandle*, unsigned))                                                                           \
  X(cuEventRecord, (EventHandle, Stream))                                                                              \
  X(cuEventQuery, (EventHandle))                                                                                       \
  X(cuEventSynchronize, (EventHandle))                                                                                 \
  X(cuEventDestroy_v2, (EventHandle))                                                                                  \
  X(cuModuleLoadData, (ModuleHandle*, const void*))                                                                    \
  X(cuModuleGetFunction, (Kernel*, ModuleHandle, const char*))                                                         \
  X(cuModuleUnload, (ModuleHandle))                                                                                    \
  X(cuFuncGetParamInfo, (Kernel, size_t, size_t*, size_t*))                                                            \
  X(cuLaunchKernel,                                                                                                    \
    (Kernel, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void**, void**))

// The driver, initialised.
class Driver {
 public:
  // Thread-safe; loaded once per path and process. Throws std::runtime_error when it cannot be loaded or finds no GPU.
  static std::shared_ptr<const Driver> open(const std::string& path);

#define FLATMIN_DECLARE(name, arguments) Result(FLATMIN_CUDA_CALL* name) arguments;
  FLATMIN_CUDA_FUNCTIONS(FLATMIN_DECLARE)
#undef FLATMIN_DECLARE

  int version() const;
  // Throws std::runtime_error "CALL failed: CUDA_ERROR_NAME (text)" unless the result is a success.
  void check(Result result, const char* call) const;

 private:
  explicit Driver(const SharedLibrary& library);
};

}  // namespace flatmin::cuda
