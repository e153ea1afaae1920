// Fused elementwise programs over flat float32 vectors: an optimizer's update in one pass over memory.
#pragma once

#include <span>

#include "code.h"
#include "plan.h"

namespace flatmin {

/// Elements [first, first + count) of every slot, under row `scalar_row` of the scalar table: a parameter group.
struct VectorRange {
  uint64_t first, count;
  uint32_t scalar_row;
};

/// Checked and planned when it is made; runs share it freely.
class VectorProgram {
 public:
  /// Throws std::invalid_argument for what `validate` refuses.
  explicit VectorProgram(VectorCode code);

  const VectorCode& code() const { return code_; }

  /// Runs the program on every element of the ranges and returns the accumulators.
  /// `slots[k]` is the first element of vector k; `scalar_table` holds rows of `code().scalars`.
  /// Throws std::invalid_argument for missing slots or scalars, a range that ends beyond 2⁶⁴, and, if the program
  /// stores, ranges that overlap or a stored slot that overlaps another one.
  /// Results, accumulators included, do not depend on `threads` or on the processor.
  std::vector<double> run(std::span<float* const> slots, std::span<const VectorRange> ranges,
                          std::span<const float> scalar_table, unsigned threads) const;

 private:
  VectorCode code_;
  VectorPlan plan_;
};

}  // namespace flatmin
