// A point of a GPU's stream.
#pragma once

#include "device.h"

namespace flatmin::cuda {

class Event {
 public:
  explicit Event(std::shared_ptr<Device> device);  // behind all that is queued so far
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool passed() const;  // false also while a run has the GPU to itself; throws what failed on the device
  void wait() const;    // blocking; throws what failed on the device

 private:
  std::shared_ptr<Device> device_;
  EventHandle handle_ = nullptr;
};

}  // namespace flatmin::cuda
