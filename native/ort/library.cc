#include "library.h"

#include "../base/shared_library.h"

namespace flatmin {

std::shared_ptr<Library> Library::open(const std::string& path) {
  static std::mutex mutex;
  static auto* opened = new std::map<std::string, std::shared_ptr<Library>>;  // leaked: see the header
  std::lock_guard<std::mutex> lock(mutex);
  if (auto known = opened->find(path); known != opened->end()) return known->second;

  auto get_base = reinterpret_cast<const ort::ApiBase*(ORT_CALL*)()>(SharedLibrary(path).find("OrtGetApiBase"));
  if (!get_base) throw std::runtime_error(path + " is not an ONNX Runtime library: it exports no OrtGetApiBase");
  const ort::ApiBase* base = get_base();
  void* const* table = base->GetApi(ort::kApiVersion);
  if (!table) {
    throw std::runtime_error(path + " is ONNX Runtime " + base->GetVersionString() + ", older than API version " +
                             std::to_string(ort::kApiVersion));
  }
  std::shared_ptr<Library> library(new Library(path, table, base->GetVersionString()));
  opened->emplace(path, library);
  return library;
}

Library::Library(const std::string& path, void* const* table, std::string version)
    : path_(path), api_(table), version_(std::move(version)) {
  // Errors come back as statuses; the log would repeat them.
  check(api_.CreateEnv(ort::kLogFatal, "flatmin", &env_));
  check(api_.CreateCpuMemoryInfo(ort::kDeviceAllocator, ort::kMemoryDefault, &cpu_memory_));
  check(api_.GetAllocatorWithDefaultOptions(&allocator_));
}

const OrtMemoryInfo* Library::memory_of(const Storage& storage) {
  if (storage.on_host()) return cpu_memory_;
  std::lock_guard<std::mutex> lock(cuda_memory_mutex_);
  OrtMemoryInfo*& info = cuda_memory_[storage.ordinal()];
  if (!info) check(api_.CreateMemoryInfo("Cuda", ort::kDeviceAllocator, storage.ordinal(), ort::kMemoryDefault, &info));
  return info;
}

std::vector<std::string> Library::providers() const {
  char** names = nullptr;
  int count = 0;
  check(api_.GetAvailableProviders(&names, &count));
  std::vector<std::string> out(names, names + count);
  check(api_.ReleaseAvailableProviders(names, count));
  return out;
}

void Library::check(OrtStatus* status) const {
  if (!status) return;
  std::string message = api_.GetErrorMessage(status);
  api_.ReleaseStatus(status);
  throw std::runtime_error(message);
}

}  // namespace flatmin
