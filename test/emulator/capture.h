// Captures of streams as CUDA graphs, in cudaStreamCaptureModeGlobal: a call of another thread breaks one, and so does one that is under way
// when it begins. All captures of a process are to be begun by one thread, as ONNX Runtime counts its runs for each.
#pragma once

#include <mutex>
#include <string>
#include <thread>

namespace emulator {

class Captures {
 public:
  enum Status { none, active, broken };
  enum class End { none, whole, broken, wrong_thread };

  // Whether the calling thread may call the driver. Each call is followed by leave().
  bool enter() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++calls_;
    if (!stream_ || owner_ == std::this_thread::get_id()) return true;
    is_broken_ = true;
    return false;
  }

  void leave() {
    std::lock_guard<std::mutex> lock(mutex_);
    --calls_;
  }

  // The status. Where there is no capture and the mode is not "", one begins behind the answer; one that is whole ends with mode "ended".
  Status ask(const std::string& mode, const void* stream) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stream_) {
      if (is_broken_) return broken;
      if (mode == "open") return active;
      stream_ = nullptr;
      return none;
    }
    if (mode.empty()) return none;
    auto thread = std::this_thread::get_id();
    if (owner_ == std::thread::id()) owner_ = thread;
    is_broken_ = calls_ > 0 || owner_ != thread;
    stream_ = stream;
    return none;
  }

  End end(const void* stream) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stream_ != stream) return End::none;
    if (owner_ != std::this_thread::get_id()) return End::wrong_thread;
    stream_ = nullptr;
    return is_broken_ ? End::broken : End::whole;
  }

 private:
  std::mutex mutex_;
  const void* stream_ = nullptr;  // that is being captured
  std::thread::id owner_;         // of the first capture, and so of all
  bool is_broken_ = false;
  int calls_ = 0;  // under way
};

}  // namespace emulator
