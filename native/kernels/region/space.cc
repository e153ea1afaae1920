#include "space.h"

#include <algorithm>

namespace flatmin::kernels::region {
namespace {

// An axis: extent, and the step of each tensor along it.
struct Axis {
  int64_t extent;
  std::vector<int64_t> steps;
};

bool merge(const Axis& outer, const Axis& inner) {
  for (size_t tensor = 0; tensor < outer.steps.size(); ++tensor)
    if (outer.steps[tensor] != inner.steps[tensor] * inner.extent) return false;
  return true;
}

std::vector<Axis> merged(const std::vector<Axis>& axes) {
  std::vector<Axis> result;
  for (const Axis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!result.empty() && merge(result.back(), axis)) {
      result.back() = {result.back().extent * axis.extent, axis.steps};
    } else {
      result.push_back(axis);
    }
  }
  return result;
}

// Rows and columns are the program's choice only where a row or a column means something to it.
bool free_of_rows(const Program& program) {
  return std::ranges::none_of(program.code, [&](const Instruction& instruction) {
    const Form form = kOps[static_cast<size_t>(instruction.op)].form;
    if (form == Form::reduction || form == Form::column_sum) return true;
    if (form != Form::store) return false;
    const auto& strides = program.outputs[static_cast<size_t>(instruction.b)].strides;
    for (size_t axis = 0; axis < strides.size(); ++axis)
      if (program.axes[axis] > 1 && strides[axis] == 0) return true;
    return false;
  });
}

// Rows may be walked in any order: where a tensor has its neighbours along an axis of rows, that axis becomes the inner one, so that tiles
// take whole cache lines of it.
void prefer_neighbours(std::vector<Axis>& rows, const std::vector<Axis>& columns) {
  if (rows.empty() || columns.empty()) return;
  for (size_t tensor = 0; tensor < columns.back().steps.size(); ++tensor) {
    if (columns.back().steps[tensor] <= 1) continue;
    for (size_t axis = 0; axis + 1 < rows.size(); ++axis) {
      if (rows[axis].steps[tensor] != 1) continue;
      std::rotate(rows.begin() + static_cast<std::ptrdiff_t>(axis), rows.begin() + static_cast<std::ptrdiff_t>(axis) + 1, rows.end());
      return;
    }
  }
}

}  // namespace

Space space_of(const Program& program) {
  std::vector<Axis> rows, columns;
  const bool free = free_of_rows(program);
  for (size_t index = 0; index < program.axes.size(); ++index) {
    Axis axis{program.axes[index], {}};
    for (const Tensor& tensor : program.inputs) axis.steps.push_back(tensor.strides[index]);
    for (const Tensor& tensor : program.outputs) axis.steps.push_back(tensor.strides[index]);
    (free || index < program.row_axes ? rows : columns).push_back(std::move(axis));
  }
  rows = merged(rows);
  columns = merged(columns);
  if (free && !rows.empty()) {
    columns.push_back(std::move(rows.back()));
    rows.pop_back();
  }
  prefer_neighbours(rows, columns);

  Space space;
  const auto split = [](const std::vector<Axis>& axes, std::vector<int64_t>& outer, int64_t& outer_count, int64_t& inner) {
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      if (axis + 1 == axes.size()) {
        inner = axes[axis].extent;
      } else {
        outer.push_back(axes[axis].extent);
        outer_count *= axes[axis].extent;
      }
    }
  };
  split(rows, space.outer_rows, space.outer_row_count, space.rows);
  split(columns, space.outer_columns, space.outer_column_count, space.columns);
  const size_t inputs = program.inputs.size();
  for (size_t tensor = 0; tensor < inputs + program.outputs.size(); ++tensor) {
    Access access;
    for (const Axis& axis : rows) access.outer_rows.push_back(axis.steps[tensor]);
    for (const Axis& axis : columns) {
      access.outer_columns.push_back(axis.steps[tensor]);
      access.full = access.full || axis.steps[tensor] != 0;
    }
    if (!rows.empty()) {
      access.row = access.outer_rows.back();
      access.outer_rows.pop_back();
    }
    if (!columns.empty()) {
      access.column = access.outer_columns.back();
      access.outer_columns.pop_back();
    }
    (tensor < inputs ? space.inputs : space.outputs).push_back(std::move(access));
  }
  return space;
}

}  // namespace flatmin::kernels::region
