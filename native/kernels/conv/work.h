// Work shared out over a thread pool, and scratch memory cut into arrays.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

FLATMIN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
FLATMIN_INLINE int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
FLATMIN_INLINE int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
FLATMIN_INLINE int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/// Cuts arrays of floats, each at 64-byte alignment, from a block; with a null block it only counts.
struct Carver {
  float* base;
  int64_t used = 0;
  float* take(int64_t floats) {
    float* p = base ? base + used : nullptr;
    used += round_up(floats, 16);
    return p;
  }
};

/// Runs body(item, worker) for each item of [0, items): workers, numbered from 0, fetch items in turn.
/// An item's result must not depend on its worker.
template <class Body>
static void for_each_item(const Parallel& parallel, int64_t items, const Body& body) {
  struct Shared {
    const Body* body;
    int64_t items;
    int64_t next;
  } shared{&body, items, 0};
  const auto worker = [](void* arg, size_t index) {
    Shared& s = *static_cast<Shared*>(arg);
    for (;;) {
      const int64_t item = __atomic_fetch_add(&s.next, int64_t(1), __ATOMIC_RELAXED);
      if (item >= s.items) return;
      (*s.body)(item, int64_t(index));
    }
  };
  const int64_t workers = min_of(items, parallel.threads);
  if (workers <= 1) {
    for (int64_t i = 0; i < items; i++) body(i, 0);
    return;
  }
  parallel.run(parallel.context, size_t(workers), worker, &shared);
}

}  // namespace flatmin::kernels::FLATMIN_ISA
