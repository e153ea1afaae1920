#include "device.h"

#include <map>
#include <mutex>
#include <stdexcept>

namespace flatmin::cuda {

std::shared_ptr<Device> Device::open(int ordinal, const std::string& driver, const std::string& compiler) {
  static std::mutex mutex;
  static auto* opened = new std::map<int, std::shared_ptr<Device>>;  // leaked: used until the process ends
  std::lock_guard<std::mutex> lock(mutex);
  auto& device = (*opened)[ordinal];
  if (!device) device.reset(new Device(ordinal, Driver::open(driver), Compiler::open(compiler)));
  return device;
}

Device::Device(int ordinal, std::shared_ptr<const Driver> driver, std::shared_ptr<const Compiler> compiler)
    : ordinal_(ordinal), driver_(std::move(driver)), compiler_(std::move(compiler)) {
  int count = 0;
  driver_->check(driver_->cuDeviceGetCount(&count), "cuDeviceGetCount");
  if (ordinal >= count) {
    throw std::runtime_error("there is no cuda:" + std::to_string(ordinal) + ": the driver finds " + std::to_string(count) +
                             (count == 1 ? " GPU" : " GPUs"));
  }
  driver_->check(driver_->cuDeviceGet(&number_, ordinal), "cuDeviceGet");
  driver_->check(driver_->cuDevicePrimaryCtxRetain(&context_, number_), "cuDevicePrimaryCtxRetain");
  activate();
  driver_->check(driver_->cuStreamCreate(&stream_, kStreamNonBlocking), "cuStreamCreate");
}

std::string Device::name() const {
  char name[256] = {};
  driver_->check(driver_->cuDeviceGetName(name, sizeof name - 1, number_), "cuDeviceGetName");
  return name;
}

int Device::attribute(Attribute attribute) const {
  int value = 0;
  driver_->check(driver_->cuDeviceGetAttribute(&value, attribute, number_), "cuDeviceGetAttribute");
  return value;
}

MemoryUse Device::memory() const {
  activate();
  MemoryUse use{};
  driver_->check(driver_->cuMemGetInfo_v2(&use.free, &use.total), "cuMemGetInfo");
  return use;
}

void Device::activate() const { driver_->check(driver_->cuCtxSetCurrent(context_), "cuCtxSetCurrent"); }

void Device::copy(DeviceAddress target, DeviceAddress source, size_t bytes) const {
  if (bytes == 0) return;
  activate();
  driver_->check(driver_->cuMemcpyAsync(target, source, bytes, stream_), "cuMemcpyAsync");
}

void Device::synchronize() const {
  activate();
  driver_->check(driver_->cuStreamSynchronize(stream_), "cuStreamSynchronize");
}

void Device::drain() const noexcept {
  driver_->cuCtxSetCurrent(context_);
  driver_->cuStreamSynchronize(stream_);
}

}  // namespace flatmin::cuda
