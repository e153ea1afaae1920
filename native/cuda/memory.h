// Storages of a GPU. They are freed when all that is queued on its stream has run: work keeps no hold of its own on them.
#pragma once

#include "../base/storage.h"
#include "device.h"

namespace flatmin::cuda {

class DeviceMemory : public Storage {
 public:
  // Throws std::runtime_error "cannot allocate N bytes on cuda:0: M of T bytes are free".
  DeviceMemory(std::shared_ptr<Device> device, size_t bytes);
  ~DeviceMemory() override;

  void write(size_t offset, const void* source, size_t bytes) override;
  void read(size_t offset, void* target, size_t bytes) const override;

 private:
  std::shared_ptr<Device> device_;
};

// Page-locked host memory, which the GPU reads and writes while the host goes on.
class PinnedMemory : public Storage {
 public:
  PinnedMemory(std::shared_ptr<Device> device, size_t bytes);  // throws std::runtime_error
  ~PinnedMemory() override;

 private:
  std::shared_ptr<Device> device_;
};

}  // namespace flatmin::cuda
