#include "device.h"

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>

namespace flatmin::cuda {

namespace {

std::shared_mutex& gpus() {
  static auto* mutex = new std::shared_mutex;  // leaked: used until the process ends
  return *mutex;
}

std::atomic<bool> contended{false};

}  // namespace

Share share_gpus() { return Share(gpus()); }

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
  auto held = share_gpus();
  int count = 0;
  driver_->check(driver_->cuDeviceGetCount(&count), "cuDeviceGetCount");
  if (ordinal >= count) {
    throw std::runtime_error("there is no cuda:" + std::to_string(ordinal) + ": the driver finds " + std::to_string(count) +
                             (count == 1 ? " GPU" : " GPUs"));
  }
  driver_->check(driver_->cuDeviceGet(&number_, ordinal), "cuDeviceGet");
  driver_->check(driver_->cuDevicePrimaryCtxRetain(&context_, number_), "cuDevicePrimaryCtxRetain");
  driver_->check(driver_->cuCtxSetCurrent(context_), "cuCtxSetCurrent");
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
  auto held = share();
  MemoryUse use{};
  driver_->check(driver_->cuMemGetInfo_v2(&use.free, &use.total), "cuMemGetInfo");
  return use;
}

Share Device::share() const {
  Share held = share_gpus();
  driver_->cuCtxSetCurrent(context_);
  return held;
}

Share Device::try_share() const {
  Share held(gpus(), std::try_to_lock);
  if (held) driver_->cuCtxSetCurrent(context_);
  return held;
}

bool Device::is_contended() { return contended; }

void Device::exclusively(const std::function<void()>& work) {
  contended = true;
  {
    std::lock_guard<std::mutex> lock(runner_mutex_);
    if (!runner_) runner_.emplace();
  }
  runner_->run([&] {
    std::unique_lock<std::shared_mutex> alone(gpus());
    driver_->check(driver_->cuCtxSetCurrent(context_), "cuCtxSetCurrent");
    abandon_capture();
    try {
      work();
    } catch (...) {
      abandon_capture();
      throw;
    }
    if (abandon_capture()) throw std::runtime_error("the capture of the run as a CUDA graph was broken or left open: its work is lost");
  });
}

bool Device::abandon_capture() const noexcept {
  CaptureStatus status = kNotCapturing;
  if (driver_->cuStreamIsCapturing(stream_, &status) != kSuccess || status == kNotCapturing) return false;
  Graph graph = nullptr;
  driver_->cuStreamEndCapture(stream_, &graph);  // ends a broken one too, without a graph
  if (graph) driver_->cuGraphDestroy(graph);
  return true;
}

void Device::copy(DeviceAddress target, DeviceAddress source, size_t bytes) const {
  if (bytes == 0) return;
  auto held = share();
  driver_->check(driver_->cuMemcpyAsync(target, source, bytes, stream_), "cuMemcpyAsync");
}

void Device::synchronize() const { driver_->check(driver_->cuStreamSynchronize(stream_), "cuStreamSynchronize"); }

void Device::drain() const noexcept { driver_->cuStreamSynchronize(stream_); }

}  // namespace flatmin::cuda
