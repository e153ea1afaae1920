#include "runner.h"

#include <thread>

namespace flatmin::cuda {

// Detached: the runner is never destroyed, and what ONNX Runtime keeps for each thread need not go before its libraries.
Runner::Runner() { std::thread([this] { serve(); }).detach(); }

void Runner::run(const std::function<void()>& work) {
  std::packaged_task<void()> task([&work] { work(); });
  auto done = task.get_future();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  done.get();
}

void Runner::serve() {
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !tasks_.empty(); });
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }
}

}  // namespace flatmin::cuda
