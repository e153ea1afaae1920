// A program as the steps that run it: nodes in a normal form, phases of a row, places for values, sizes of tiles.
#pragma once

#include "space.h"
#include "steps.h"

namespace flatmin::kernels::region {

// Where a value is while a tile runs. Numbers of places: inputs, outputs, constants, buffers of a tile, buffers of a tile's rows.
struct Places {
  int inputs = 0, outputs = 0, constants = 0, tiles = 0, rows = 0;

  int output(int index) const { return inputs + index; }
  int constant(int index) const { return inputs + outputs + index; }
  int tile(int index) const { return inputs + outputs + constants + index; }
  int row(int index) const { return inputs + outputs + constants + tiles + index; }
  int count() const { return row(rows); }
};

struct Step {
  // map, copy_in, copy_out: into place dst from the places src; clear, reduce, finish: sums[index]; column_sum: column sum `index`.
  enum class Kind { map, copy_in, copy_out, clear, reduce, finish, column_sum };
  Kind kind;
  StepFunction function;
  bool full;  // over rows and columns; else over the rows, as if they were the columns of one row
  int dst = 0;
  int src[3] = {};
  int scalars = 0;  // bit i: operand i has one value for a row
  int index = 0;
};

// `before` runs once for some rows, `body` for every tile of columns of them.
struct Phase {
  std::vector<Step> before, body;
};

struct Plan {
  Space space;
  std::vector<Phase> phases;
  std::vector<float> constants;
  Places places;
  int sums = 0;                  // rows' partial results, of doubles
  std::vector<int> column_sums;  // their outputs
  bool reduces = false;          // rows have reductions: a task walks whole rows
  int64_t tile_rows = 1, tile_columns = 1;
  std::vector<uint8_t> bools;    // which inputs are
};

Plan plan_of(const Program& program, const std::vector<uint8_t>& bools, const StepTable& table);

}  // namespace flatmin::kernels::region
