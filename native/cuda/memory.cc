#include "memory.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace flatmin::cuda {
namespace {

// CUDA refuses to allocate nothing.
size_t allocated(size_t bytes) { return std::max<size_t>(bytes, 1); }

DeviceAddress number(const std::byte* address) { return reinterpret_cast<uintptr_t>(address); }

}  // namespace

DeviceMemory::DeviceMemory(std::shared_ptr<Device> device, size_t bytes)
    : Storage(Place::cuda, device->ordinal(), bytes), device_(std::move(device)) {
  auto held = device_->share();
  const Driver& driver = device_->driver();
  DeviceAddress address = 0;
  Result result = driver.cuMemAlloc_v2(&address, allocated(bytes));
  if (result == kOutOfMemory) {
    held.unlock();
    MemoryUse use = device_->memory();
    throw std::runtime_error("cannot allocate " + std::to_string(bytes) + " bytes on " + Storage::device() + ": " + std::to_string(use.free) +
                             " of " + std::to_string(use.total) + " bytes are free");
  }
  driver.check(result, "cuMemAlloc");
  if (Result cleared = driver.cuMemsetD8Async(address, 0, allocated(bytes), device_->stream())) {
    driver.cuMemFree_v2(address);
    driver.check(cleared, "cuMemsetD8Async");
  }
  address_ = reinterpret_cast<std::byte*>(static_cast<uintptr_t>(address));
}

DeviceMemory::~DeviceMemory() {
  if (!address_) return;
  auto held = device_->share();
  device_->drain();
  device_->driver().cuMemFree_v2(number(address_));
}

void DeviceMemory::write(size_t offset, const void* source, size_t bytes) {
  auto held = device_->share();
  device_->driver().check(device_->driver().cuMemcpyHtoDAsync_v2(number(address_ + offset), source, bytes, device_->stream()),
                          "cuMemcpyHtoDAsync");
  device_->synchronize();
}

void DeviceMemory::read(size_t offset, void* target, size_t bytes) const {
  auto held = device_->share();
  device_->driver().check(device_->driver().cuMemcpyDtoHAsync_v2(target, number(address_ + offset), bytes, device_->stream()),
                          "cuMemcpyDtoHAsync");
  device_->synchronize();
}

PinnedMemory::PinnedMemory(std::shared_ptr<Device> device, size_t bytes)
    : Storage(Place::pinned, device->ordinal(), bytes), device_(std::move(device)) {
  auto held = device_->share();
  void* address = nullptr;
  Result result = device_->driver().cuMemHostAlloc(&address, allocated(bytes), kHostPortable);
  if (result == kOutOfMemory) throw std::runtime_error("cannot allocate " + std::to_string(bytes) + " bytes of page-locked host memory");
  device_->driver().check(result, "cuMemHostAlloc");
  std::memset(address, 0, allocated(bytes));
  address_ = static_cast<std::byte*>(address);
}

PinnedMemory::~PinnedMemory() {
  if (!address_) return;
  auto held = device_->share();
  device_->drain();
  device_->driver().cuMemFreeHost(address_);
}

}  // namespace flatmin::cuda
