// A thread that does what it is given, in order, for as long as the process lives.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>

namespace flatmin::cuda {

class Runner {
 public:
  Runner();  // throws std::system_error where there can be no more threads
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Does the work on the thread; returns when it is done, and throws what it threw. Not for the thread itself.
  // What the work refers to need only outlive the call, so a caller that Node waits for (libuv's pool) needs no care of its own.
  void run(const std::function<void()>& work);

 private:
  [[noreturn]] void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::packaged_task<void()>> tasks_;
};

}  // namespace flatmin::cuda
