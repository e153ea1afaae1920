// One loaded libonnxruntime: its functions and its environment.
// Loaded once per path and process, and never unloaded: sessions of any thread may outlive the caller that opened it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "../base/storage.h"
#include "ort_api.h"

namespace flatmin {

class Library {
 public:
  // Thread-safe. Throws std::runtime_error when the file cannot be loaded or offers no compatible API.
  static std::shared_ptr<Library> open(const std::string& path);

  const ort::Functions& api() const { return api_; }
  OrtEnv* env() const { return env_; }
  const OrtMemoryInfo* cpu_memory() const { return cpu_memory_; }
  // How ONNX Runtime names where a storage is. Page-locked memory is the CPU's: nodes of either device may read it.
  const OrtMemoryInfo* memory_of(const Storage& storage);
  OrtAllocator* allocator() const { return allocator_; }
  const std::string& path() const { return path_; }
  const std::string& version() const { return version_; }
  std::vector<std::string> providers() const;

  // Throws std::runtime_error with ONNX Runtime's message, and frees the status.
  void check(OrtStatus* status) const;

 private:
  Library(const std::string& path, void* const* table, std::string version);

  std::string path_;
  ort::Functions api_;
  std::string version_;
  OrtEnv* env_ = nullptr;
  OrtMemoryInfo* cpu_memory_ = nullptr;
  std::mutex cuda_memory_mutex_;
  std::map<int, OrtMemoryInfo*> cuda_memory_;  // by ordinal
  OrtAllocator* allocator_ = nullptr;
};

}  // namespace flatmin
