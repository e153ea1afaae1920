// A GPU: its primary context, which ONNX Runtime shares, and one stream, on which all work is queued.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>

#include "compiler.h"
#include "driver.h"
#include "runner.h"

namespace flatmin::cuda {

struct MemoryUse {
  size_t free, total;  // bytes
};

// While one is held no run has the GPUs to itself.
using Share = std::shared_lock<std::shared_mutex>;

// A capture of a CUDA graph (ONNX Runtime's: cudaStreamCaptureModeGlobal) breaks on calls of any other thread that allocate, free, wait or
// query, on whichever GPU, and takes in what they queue on its stream. So every call that touches memory, streams, events or modules,
// flatmin's and those inside ONNX Runtime's, is made under a share, and runs that may capture by Device::exclusively(), when nobody holds one.
// A thread holds one share at a time, and calls nothing under it that takes another. What it waits for under a share is the GPU, which
// needs no run to go on: so nobody waits for ever.
Share share_gpus();

// Safe from any thread.
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

  // With the context current on this thread. What fails here fails the calls that follow too.
  [[nodiscard]] Share share() const;
  [[nodiscard]] Share try_share() const;  // the same, or nothing while a run has the GPUs to itself
  // Does the work on the GPU's own thread, always the same (ONNX Runtime warms up and captures for each thread on its own), while
  // nobody holds a share. Returns when it is done and throws what it threw. The stream is in no capture before and behind it.
  // The caller holds no share.
  void exclusively(const std::function<void()>& work);
  static bool is_contended();  // whether exclusively() has been asked for: a long wait under a share would hold it up

  void copy(DeviceAddress target, DeviceAddress source, size_t bytes) const;  // queues; device or page-locked memory
  void synchronize() const;     // under a share: waits for the stream; throws what failed on it
  void drain() const noexcept;  // the same for destructors: what failed is thrown by the next call that throws

 private:
  Device(int ordinal, std::shared_ptr<const Driver> driver, std::shared_ptr<const Compiler> compiler);
  // By the thread that began it. Returns whether there was one.
  bool abandon_capture() const noexcept;

  int ordinal_;
  std::shared_ptr<const Driver> driver_;
  std::shared_ptr<const Compiler> compiler_;
  DeviceNumber number_ = 0;
  Context context_ = nullptr;
  Stream stream_ = nullptr;
  std::mutex runner_mutex_;
  std::optional<Runner> runner_;
};

}  // namespace flatmin::cuda
