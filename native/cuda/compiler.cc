#include "compiler.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace flatmin::cuda {

std::shared_ptr<const Compiler> Compiler::open(const std::string& path) {
  static std::mutex mutex;
  static auto* opened = new std::map<std::string, std::shared_ptr<const Compiler>>;  // leaked: used until the process ends
  std::lock_guard<std::mutex> lock(mutex);
  auto& compiler = (*opened)[path];
  if (!compiler) compiler.reset(new Compiler(SharedLibrary(path)));
  return compiler;
}

Compiler::Compiler(const SharedLibrary& library) {
#define FLATMIN_RESOLVE(name, arguments) name = reinterpret_cast<decltype(name)>(library.require(#name));
  FLATMIN_NVRTC_FUNCTIONS(FLATMIN_RESOLVE)
#undef FLATMIN_RESOLVE
  nvrtcGetErrorString = reinterpret_cast<decltype(nvrtcGetErrorString)>(library.require("nvrtcGetErrorString"));
}

void Compiler::check(NvrtcResult result, const char* call) const {
  if (result != 0) throw std::runtime_error(std::string(call) + " failed: " + nvrtcGetErrorString(result));
}

int Compiler::newest_architecture(int capability) const {
  int count = 0;
  check(nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs");
  std::vector<int> known(count);
  check(nvrtcGetSupportedArchs(known.data()), "nvrtcGetSupportedArchs");
  int newest = 0;
  for (int architecture : known) {
    if (architecture <= capability) newest = std::max(newest, architecture);
  }
  if (newest > 0) return newest;
  throw std::runtime_error("the CUDA compiler makes no code for GPUs of compute capability " + std::to_string(capability / 10) + "." +
                           std::to_string(capability % 10));
}

std::string Compiler::compile(const std::string& source, int capability) const {
  int architecture = newest_architecture(capability);
  bool exact = architecture == capability;
  std::string target = "--gpu-architecture=" + std::string(exact ? "sm_" : "compute_") + std::to_string(architecture);
  const char* options[] = {target.c_str(), "--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false"};

  NvrtcProgram program = nullptr;
  check(nvrtcCreateProgram(&program, source.c_str(), "flatmin.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  struct Destroy {
    const Compiler& compiler;
    NvrtcProgram program;
    ~Destroy() { compiler.nvrtcDestroyProgram(&program); }
  } destroy{*this, program};

  if (NvrtcResult result = nvrtcCompileProgram(program, static_cast<int>(std::size(options)), options)) {
    size_t size = 0;
    std::string log;
    if (nvrtcGetProgramLogSize(program, &size) == 0 && size > 1) {
      log.resize(size);
      if (nvrtcGetProgramLog(program, log.data()) != 0) log.clear();
      log = log.c_str();
    }
    throw std::runtime_error(std::string("the CUDA compiler failed: ") + nvrtcGetErrorString(result) + (log.empty() ? "" : "\n" + log));
  }

  size_t size = 0;
  check((exact ? nvrtcGetCUBINSize : nvrtcGetPTXSize)(program, &size), "nvrtcGetCUBINSize");
  std::string image(size, '\0');
  check((exact ? nvrtcGetCUBIN : nvrtcGetPTX)(program, image.data()), "nvrtcGetCUBIN");
  return image;
}

}  // namespace flatmin::cuda
