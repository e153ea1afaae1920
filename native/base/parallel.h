// Data parallelism over one process-wide pool of sleeping threads.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace flatmin {

namespace detail {
void parallel_for(size_t tasks, unsigned threads, void* context, void (*invoke)(void* context, size_t task));
}

/// Calls `body(task)` once for each task in [0, tasks), on at most `threads` threads, the caller's included
/// (0 counts as 1). Tasks are claimed in ascending order. Returns when all are done; rethrows the first
/// exception of a body, after which no new task starts. Safe from any number of threads, and from inside a body.
template <class Body>
void parallel_for(size_t tasks, unsigned threads, Body&& body) {
  using Target = std::remove_reference_t<Body>;
  detail::parallel_for(
      tasks, threads, const_cast<void*>(static_cast<const volatile void*>(std::addressof(body))),
      [](void* context, size_t task) { (*static_cast<Target*>(context))(task); });
}

}  // namespace flatmin
