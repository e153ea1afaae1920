#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace flatmin {
namespace {

/// One parallel_for, on its caller's stack. The last four members are guarded by the pool's mutex.
struct Job {
  size_t tasks;
  void* context;
  void (*invoke)(void*, size_t);
  std::atomic<size_t> next{0};

  unsigned places;      // workers that may still join
  unsigned running{0};  // workers that joined and have not left
  std::exception_ptr error;
  std::condition_variable idle;  // running fell to 0
};

/// Keeps this library mapped for good: Node unloads an addon with the last worker that loaded it, and the
/// pool's threads would go on in unmapped code.
void pin_library() {
#if defined(_WIN32)
  HMODULE module;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCWSTR>(&pin_library), &module);
#else
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&pin_library), &info) != 0)
    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

class Pool {
 public:
  /// Never destroyed: its threads sleep on it until the process ends.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  void run(Job& job) {
    const unsigned wanted = job.places;
    {
      std::lock_guard lock(mutex_);
      grow(wanted);
      jobs_.push_back(&job);
    }
    for (unsigned i = 0; i < wanted; ++i) wake_.notify_one();
    work(job);
    std::unique_lock lock(mutex_);
    std::erase(jobs_, &job);
    job.idle.wait(lock, [&] { return job.running == 0; });
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  Pool() { pin_library(); }

  /// The caller works too, so a machine that refuses another thread only makes the job slower.
  void grow(unsigned workers) {
    try {
      for (; workers_ < workers; ++workers_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto open = std::find_if(jobs_.begin(), jobs_.end(), [](const Job* job) { return job->places > 0; });
      if (open == jobs_.end()) {
        wake_.wait(lock);
        continue;
      }
      Job& job = **open;
      --job.places;
      ++job.running;
      lock.unlock();
      work(job);
      lock.lock();
      if (--job.running == 0) job.idle.notify_one();
    }
  }

  void work(Job& job) {
    try {
      for (size_t task; (task = job.next.fetch_add(1)) < job.tasks;) job.invoke(job.context, task);
    } catch (...) {
      job.next = job.tasks;
      std::lock_guard lock(mutex_);
      if (!job.error) job.error = std::current_exception();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;  // a job was opened
  std::vector<Job*> jobs_;        // callers that still claim tasks, oldest first
  unsigned workers_ = 0;
};

}  // namespace

void detail::parallel_for(size_t tasks, unsigned threads, void* context, void (*invoke)(void*, size_t)) {
  const size_t helpers = std::min<size_t>(tasks, threads > 0 ? threads : 1);
  if (helpers <= 1) {
    for (size_t task = 0; task < tasks; ++task) invoke(context, task);
    return;
  }
  Job job{.tasks = tasks,
          .context = context,
          .invoke = invoke,
          .places = static_cast<unsigned>(helpers - 1),
          .error = nullptr,
          .idle = {}};
  Pool::instance().run(job);
}

}  // namespace flatmin
