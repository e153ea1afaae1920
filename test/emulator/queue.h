// A stream: a thread that does what it is given, in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace emulator {

class Queue {
 public:
  Queue() : worker_([this] { work(); }) { worker_.detach(); }  // lives as long as the process

  // Returns the entry's number, from 1.
  uint64_t push(std::function<void()> task, int delay_ms) {
    std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back({std::move(task), delay_ms});
    changed_.notify_all();
    return ++pushed_;
  }

  uint64_t pushed() {
    std::lock_guard<std::mutex> lock(mutex_);
    return pushed_;
  }

  bool passed(uint64_t number) {
    std::lock_guard<std::mutex> lock(mutex_);
    return done_ >= number;
  }

  void wait(uint64_t number) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return done_ >= number; });
  }

 private:
  struct Task {
    std::function<void()> run;
    int delay_ms;
  };

  void work() {
    for (;;) {
      Task task;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return !tasks_.empty(); });
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(task.delay_ms));
      task.run();
      std::lock_guard<std::mutex> lock(mutex_);
      ++done_;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  uint64_t pushed_ = 0, done_ = 0;
  std::thread worker_;
};

}  // namespace emulator
