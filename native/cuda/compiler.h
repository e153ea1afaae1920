// NVRTC, CUDA's run-time compiler, loaded at run time. Names and signatures are facts of nvrtc.h.
#pragma once

#include <memory>
#include <string>

#include "../base/shared_library.h"

struct _nvrtcProgram;

namespace flatmin::cuda {

using NvrtcResult = int;
using NvrtcProgram = _nvrtcProgram*;

// X(name, arguments)
#define FLATMIN_NVRTC_FUNCTIONS(X)                                                                                     \
  X(nvrtcGetNumSupportedArchs, (int*))                                                                                 \
  X(nvrtcGetSupportedArchs, (int*))                                                                                    \
  X(nvrtcCreateProgram, (NvrtcProgram*, const char*, const char*, int, const char* const*, const char* const*))        \
  X(nvrtcCompileProgram, (NvrtcProgram, int, const char* const*))                                                      \
  X(nvrtcGetProgramLogSize, (NvrtcProgram, size_t*))                                                                   \
  X(nvrtcGetProgramLog, (NvrtcProgram, char*))                                                                         \
  X(nvrtcGetCUBINSize, (NvrtcProgram, size_t*))                                                                        \
  X(nvrtcGetCUBIN, (NvrtcProgram, char*))                                                                              \
  X(nvrtcGetPTXSize, (NvrtcProgram, size_t*))                                                                          \
  X(nvrtcGetPTX, (NvrtcProgram, char*))                                                                                \
  X(nvrtcDestroyProgram, (NvrtcProgram*))

class Compiler {
 public:
  // Thread-safe; loaded once per path and process. Throws std::runtime_error when it cannot be loaded.
  static std::shared_ptr<const Compiler> open(const std::string& path);

  // Machine code for a GPU of the capability, as 90, where the compiler knows it; otherwise PTX for the newest older one that
  // it knows, which the driver translates. Arithmetic is IEEE 754's: nothing is fused, flushed or approximated.
  // Throws std::runtime_error with the compiler's log.
  std::string compile(const std::string& source, int capability) const;

 private:
  explicit Compiler(const SharedLibrary& library);

  // The result as text: nvrtcGetErrorString's pointer is static.
  void check(NvrtcResult result, const char* call) const;
  int newest_architecture(int capability) const;

#define FLATMIN_DECLARE(name, arguments) NvrtcResult(*name) arguments;
  FLATMIN_NVRTC_FUNCTIONS(FLATMIN_DECLARE)
#undef FLATMIN_DECLARE
  const char* (*nvrtcGetErrorString)(NvrtcResult);
};

}  // namespace flatmin::cuda
