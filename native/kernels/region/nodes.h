// A program's values in a normal form: registers are nodes, rows that full values need column by column are spread out where rows are short.
#pragma once

#include "space.h"

namespace flatmin::kernels::region {

struct Node {
  Op op;
  Operand src[3] = {};   // a node, or a constant where negative, as in instructions
  int tensor = 0;        // of loads, stores and column sums
  bool full = false;
  int depth = 0;         // reductions of rows, one after the other, that it waits for

  int operands() const { return operands_of(form()); }
  Form form() const { return kOps[static_cast<size_t>(op)].form; }
  bool gives_value() const { return form() != Form::store && form() != Form::column_sum; }
};

// Rows below this many columns are walked as one stretch with the others of a tile.
constexpr int64_t kShortRow = 16;

// Nodes that nothing needs are left out.
std::vector<Node> nodes_of(const Program& program, const Space& space, const std::vector<uint8_t>& bools);

}  // namespace flatmin::kernels::region
