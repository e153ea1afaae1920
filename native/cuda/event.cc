#include "event.h"

namespace flatmin::cuda {

Event::Event(std::shared_ptr<Device> device) : device_(std::move(device)) {
  device_->activate();
  const Driver& driver = device_->driver();
  driver.check(driver.cuEventCreate(&handle_, kEventBlockingSync | kEventDisableTiming), "cuEventCreate");
  if (Result result = driver.cuEventRecord(handle_, device_->stream())) {
    driver.cuEventDestroy_v2(handle_);
    driver.check(result, "cuEventRecord");
  }
}

Event::~Event() { device_->driver().cuEventDestroy_v2(handle_); }

bool Event::passed() const {
  device_->activate();
  Result result = device_->driver().cuEventQuery(handle_);
  if (result == kNotReady) return false;
  device_->driver().check(result, "cuEventQuery");
  return true;
}

void Event::wait() const {
  device_->activate();
  device_->driver().check(device_->driver().cuEventSynchronize(handle_), "cuEventSynchronize");
}

}  // namespace flatmin::cuda
