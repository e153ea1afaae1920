// What a vector program becomes before it runs: steps over memory locations instead of registers.
#pragma once

#include "code.h"

namespace flatmin {

enum class VectorStepOp : uint32_t {
#define FLATMIN_VECTOR_STEP(name, ...) name,
#include "ops.def"
};

enum class VectorLoop { unary, binary, sum };

/// By VectorStepOp.
inline constexpr VectorLoop vector_loops[] = {
#define FLATMIN_VECTOR_STEP(name, loop, expression) VectorLoop::loop,
#include "ops.def"
};

/// Whether a step's dst is an accumulator.
constexpr bool accumulates(VectorStepOp op) { return vector_loops[static_cast<uint32_t>(op)] == VectorLoop::sum; }

/// ± a scalar of the range's row, or ±1.
struct VectorScale {
  static constexpr uint32_t one = UINT32_MAX;
  uint32_t scalar = one;
  bool negated = false;
};

/// Locations below the code's slot count are slots, the others scratch blocks.
struct VectorStep {
  VectorStepOp op;
  uint32_t dst, a, b;
  VectorScale sa, sb;
};

struct VectorPlan {
  std::vector<VectorStep> steps;
  uint32_t scratch_blocks = 0;
};

/// Of valid code. Loads and stores cost nothing where the slot itself can hold the register, results that
/// nothing reads are left out, and every remaining step rounds exactly as the instructions it stands for.
VectorPlan plan(const VectorCode& code);

}  // namespace flatmin
