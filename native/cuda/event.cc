#include "event.h"

#include <chrono>
#include <thread>

namespace flatmin::cuda {

Event::Event(std::shared_ptr<Device> device) : device_(std::move(device)) {
  auto held = device_->share();
  const Driver& driver = device_->driver();
  driver.check(driver.cuEventCreate(&handle_, kEventBlockingSync | kEventDisableTiming), "cuEventCreate");
  if (Result result = driver.cuEventRecord(handle_, device_->stream())) {
    driver.cuEventDestroy_v2(handle_);
    driver.check(result, "cuEventRecord");
  }
}

Event::~Event() {
  auto held = device_->share();
  device_->driver().cuEventDestroy_v2(handle_);
}

bool Event::passed() const {
  auto held = device_->try_share();
  if (!held) return false;
  Result result = device_->driver().cuEventQuery(handle_);
  if (result == kNotReady) return false;
  device_->driver().check(result, "cuEventQuery");
  return true;
}

void Event::wait() const {
  if (device_->is_contended()) {
    while (!passed()) std::this_thread::sleep_for(std::chrono::microseconds(50));
    return;
  }
  auto held = device_->share();
  device_->driver().check(device_->driver().cuEventSynchronize(handle_), "cuEventSynchronize");
}

}  // namespace flatmin::cuda
