// The space of a program as it is walked: axes merged where all tensors allow it, and for each tensor its steps along them.
#pragma once

#include "program.h"

namespace flatmin::kernels::region {

// Steps of a tensor, in elements: along the outer axes of rows and columns, and along the inner one of each.
struct Access {
  std::vector<int64_t> outer_rows, outer_columns;
  int64_t row = 0, column = 0;
  bool full = false;  // varies along the columns
};

struct Space {
  std::vector<int64_t> outer_rows, outer_columns;  // extents
  int64_t rows = 1, columns = 1;                   // extents of the inner axes
  int64_t outer_row_count = 1, outer_column_count = 1;
  std::vector<Access> inputs, outputs;

  int64_t all_columns() const { return outer_column_count * columns; }
  int64_t elements() const { return outer_row_count * rows * all_columns(); }
};

Space space_of(const Program& program);

}  // namespace flatmin::kernels::region
