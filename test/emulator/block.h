// Runs the threads of a block as fibers: one after the other, from barrier to barrier.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <vector>

#include "device_state.h"

namespace emulator {

using Launcher = void (*)(void** values);

enum class Outcome { done, deadlock, fault };

// One at a time runs in a process.
class Grid {
 public:
  Outcome run(Launcher launcher, void** values, EmulatorState& state, unsigned blocks, unsigned threads) {
    current_ = this;
    launcher_ = launcher, values_ = values, state_ = &state;
    state.wait = [](int scope) { current_->pause(static_cast<Mode>(scope)); };
    state.block_size = {threads, 1, 1};
    state.grid_size = {blocks, 1, 1};
    Trap trap;
    for (unsigned block = 0; block < blocks; ++block) {
      state.block = {block, 0, 0};
      if (sigsetjmp(fault_, 1)) return Outcome::fault;
      if (!run_block(threads)) return Outcome::deadlock;
    }
    return Outcome::done;
  }

 private:
  enum class Mode { warp = kWarp, block = kBlock, ready, done };
  struct Fiber {
    ucontext_t context;
    Mode mode;
  };
  static constexpr size_t kStack = 64 << 10;

  // Memory faults of kernels end the grid, not the process.
  struct Trap {
    Trap() {
      struct sigaction action = {};
      action.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
        if (on_grid_) siglongjmp(current_->fault_, 1);
        if (previous_.sa_flags & SA_SIGINFO) return previous_.sa_sigaction(signal, info, context);
        ::signal(signal, SIG_DFL);
        raise(signal);
      };
      action.sa_flags = SA_SIGINFO | SA_NODEFER;
      sigaction(SIGSEGV, &action, &previous_);
      on_grid_ = true;
    }
    ~Trap() {
      on_grid_ = false;
      sigaction(SIGSEGV, &previous_, nullptr);
    }
  };

  static std::byte* stacks() {
    static void* mapped = mmap(nullptr, 1024 * kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return static_cast<std::byte*>(mapped);
  }

  bool run_block(unsigned threads) {
    fibers_.resize(threads);
    for (unsigned i = 0; i < threads; ++i) {
      getcontext(&fibers_[i].context);
      fibers_[i].context.uc_stack = {stacks() + i * kStack, 0, kStack};
      fibers_[i].context.uc_link = &scheduler_;
      makecontext(&fibers_[i].context, [] { current_->enter(); }, 0);
      fibers_[i].mode = Mode::ready;
    }
    do {
      for (unsigned i = 0; i < threads; ++i) {
        if (fibers_[i].mode != Mode::ready) continue;
        running_ = i;
        state_->thread = {i, 0, 0};
        swapcontext(&scheduler_, &fibers_[i].context);
      }
    } while (release(threads));
    for (const Fiber& fiber : fibers_) {
      if (fiber.mode != Mode::done) return false;
    }
    return true;
  }

  // Lets those go on whose barrier all others have reached. Returns whether there were any.
  bool release(unsigned threads) {
    bool released = release_range(0, threads, Mode::block);
    for (unsigned first = 0; first < threads; first += 32) released |= release_range(first, std::min(threads, first + 32), Mode::warp);
    return released;
  }

  bool release_range(unsigned first, unsigned last, Mode barrier) {
    bool any = false;
    for (unsigned i = first; i < last; ++i) {
      if (fibers_[i].mode == barrier) any = true;
      else if (fibers_[i].mode != Mode::done) return false;
    }
    for (unsigned i = first; i < last; ++i) {
      if (fibers_[i].mode == barrier) fibers_[i].mode = Mode::ready;
    }
    return any;
  }

  void enter() {
    launcher_(values_);
    fibers_[running_].mode = Mode::done;
  }

  void pause(Mode mode) {
    Fiber& fiber = fibers_[running_];
    fiber.mode = mode;
    swapcontext(&fiber.context, &scheduler_);
  }

  static inline Grid* current_ = nullptr;
  static inline thread_local bool on_grid_ = false;
  static inline struct sigaction previous_ = {};

  Launcher launcher_ = nullptr;
  void** values_ = nullptr;
  EmulatorState* state_ = nullptr;
  std::vector<Fiber> fibers_;
  ucontext_t scheduler_;
  sigjmp_buf fault_;
  unsigned running_ = 0;
};

}  // namespace emulator
