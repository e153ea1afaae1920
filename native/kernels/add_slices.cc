#include "add_slices.h"

#include <algorithm>

namespace flatmin::kernels {
namespace {

constexpr int64_t kFloatsPerTask = 1 << 15;

struct Job {
  const AddSlicesShape& shape;
  const float* updates;
  const int64_t* at;
  float* sum;
  int64_t tasks_each, positions_each;

  // A task owns a range of positions of one of the outer arrays, and looks for the slices that belong there.
  void run(int64_t task) const {
    const auto [outer, count, inner, positions] = shape;
    const int64_t array = task / tasks_each;
    const int64_t first = task % tasks_each * positions_each, end = std::min(positions, first + positions_each);
    float* own = sum + array * positions * inner;
    std::fill(own + first * inner, own + end * inner, 0.0f);
    const float* slices = updates + array * count * inner;
    for (int64_t i = 0; i < count; ++i) {
      if (at[i] < first || at[i] >= end) continue;
      float* to = own + at[i] * inner;
      const float* slice = slices + i * inner;
      for (int64_t k = 0; k < inner; ++k) to[k] += slice[k];
    }
  }
};

}  // namespace

void add_slices(const AddSlicesShape& shape, const float* updates, const int64_t* at, float* sum, const Parallel& parallel) {
  if (shape.outer == 0 || shape.inner == 0 || shape.positions == 0) return;
  // Each task reads all of `at`: so its own work must be larger than that.
  const int64_t floats = std::max(kFloatsPerTask, 4 * shape.count);
  const int64_t positions_each = std::min(shape.positions, std::max<int64_t>(1, floats / shape.inner));
  const int64_t tasks_each = (shape.positions + positions_each - 1) / positions_each;
  const Job job{shape, updates, at, sum, tasks_each, positions_each};
  parallel.run(
      parallel.context, static_cast<size_t>(shape.outer * tasks_each),
      [](void* arg, size_t task) { static_cast<const Job*>(arg)->run(static_cast<int64_t>(task)); }, const_cast<Job*>(&job));
}

}  // namespace flatmin::kernels
