// Kernels, compiled for one GPU.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "device.h"

namespace flatmin::cuda {

struct Argument {
  uint64_t bits;  // the value, in its first `bytes` bytes
  size_t bytes;
};

class Module {
 public:
  // Throws std::runtime_error with the compiler's log.
  Module(std::shared_ptr<Device> device, const std::string& source);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const Device& device() const { return *device_; }

  // Queues a kernel on a one-dimensional grid of one-dimensional blocks. Throws std::invalid_argument on an unknown name, or on
  // arguments that are not as many and as wide as its parameters.
  void launch(const std::string& name, unsigned grid, unsigned block, std::vector<Argument> arguments);

 private:
  struct Entry {
    Kernel kernel = nullptr;
    std::vector<size_t> parameters;  // bytes
  };
  const Entry& find(const std::string& name);

  std::shared_ptr<Device> device_;
  ModuleHandle handle_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace flatmin::cuda
