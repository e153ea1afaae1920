// Vectorised loops that run a plan on one block of elements.
#pragma once

#include <span>

#include "plan.h"

namespace flatmin {

/// Runs the steps on `count` elements. `locations[k]` is where location k starts for this block, `scalars` the
/// row of the scalar table; the block's own sums are left in `accumulators`, which start at 0.
void run_block(std::span<const VectorStep> steps, float* const* locations, const float* scalars, size_t count,
               double* accumulators);

}  // namespace flatmin
