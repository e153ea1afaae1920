// The loops that a region is made of, compiled for each instruction set; every one gives the same bits.
#pragma once

#include <array>
#include <cstdint>

#include "program.h"

namespace flatmin::kernels::region {

// A step over the rows and columns of a tile. Sources that are scalars have one value for a row.
struct StepArgs {
  float* dst = nullptr;
  int64_t dst_row = 0, dst_column = 0;  // floats from row to row, and from column to column in copies alone
  const void* src[3] = {};
  int64_t src_row[3] = {};
  int64_t src_column = 0;  // in copies alone
  double* sums = nullptr;  // by row, or by column in sums of columns
  int64_t rows = 0, columns = 0;
};

using StepFunction = void (*)(const StepArgs&);

struct StepTable {
  // By operation, and by which operands are scalars: bit i for operand i. Null where all of them are, but for Copy.
  std::array<std::array<StepFunction, 8>, std::size(kOps)> map;
  StepFunction copy_floats, copy_bools;        // between any steps
  StepFunction clear_sum, clear_max;           // sums[row] ← 0, −∞
  StepFunction add_sum, add_max;               // sums[row] ← with the columns of the tile
  StepFunction finish;                         // dst[row] ← sums[row]
  StepFunction column_sum;                     // sums[column] ← with the rows of the tile
};

extern const StepTable kAvx512Steps, kAvx2Steps, kGenericSteps;

// Of the processor, or an older instruction set that the environment names.
const StepTable& steps();

}  // namespace flatmin::kernels::region
