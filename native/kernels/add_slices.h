// Zeros with slices added at positions of one axis: the gradient of a gather, without a dense array of indices.
#pragma once

#include <cstdint>

#include "conv/conv.h"

namespace flatmin::kernels {

// updates [outer, count, inner] → sum [outer, positions, inner]
struct AddSlicesShape {
  int64_t outer, count, inner, positions;
};

// at: where each slice goes, 0 ≤ at[i] < positions. Slices of one position are added in their order, whatever the threads.
void add_slices(const AddSlicesShape& shape, const float* updates, const int64_t* at, float* sum, const Parallel& parallel);

}  // namespace flatmin::kernels
