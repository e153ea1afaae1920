// A GPU: its primary context, which ONNX Runtime shares, and one stream, on which all work is queued.
#pragma once

#include <memory>
#include <string>

#include "compiler.h"
#include "driver.h"

namespace flatmin::cuda {

struct MemoryUse {
  size_t free, total;  // bytes
};

// Safe from any thread: every method makes the context current on its own.
class Device {
 public:
  // Thread-safe; opened once per ordinal and process, through the libraries named first, and never closed.
  // Throws std::runtime_error when a library cannot be loaded or there is no such GPU.
  static std::shared_ptr<Device> open(int ordinal, const std::string& driver, const std::string& compiler);

  int ordinal() const { return ordinal_; }
  std::string name() const;
  int attribute(Attribute attribute) const;
  int capability() const { return 10 * attribute(kCapabilityMajor) + attribute(kCapabilityMinor); }
  MemoryUse memory() const;

  const Driver& driver() const { return *driver_; }
  const Compiler& compiler() const { return *compiler_; }
  Stream stream() const { return stream_; }

  void activate() const;  // the context, on this thread
  void copy(DeviceAddress target, DeviceAddress source, size_t bytes) const;  // queues; device or page-locked memory
  void synchronize() const;                                                   // waits for the stream; throws what failed on it
  void drain() const noexcept;  // the same for destructors: what failed is thrown by the next call that throws

 private:
  Device(int ordinal, std::shared_ptr<const Driver> driver, std::shared_ptr<const Compiler> compiler);

  int ordinal_;
  std::shared_ptr<const Driver> driver_;
  std::shared_ptr<const Compiler> compiler_;
  DeviceNumber number_ = 0;
  Context context_ = nullptr;
  Stream stream_ = nullptr;
};

}  // namespace flatmin::cuda
