// A region: a small program over a space of rows and columns, as a node's attributes give it, and checked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace flatmin::kernels::region {

enum class Op : int32_t {
#define FLATMIN_REGION_OP(name, form) name,
#include "ops.def"
#define FLATMIN_REGION_FUSED(name, ...) name,
#include "ops.def"
};

// What an operation reads and gives: registers that it maps, or one of the forms of its own.
enum class Form { load, unary, binary, ternary, reduction, store, column_sum };

struct OpInfo {
  const char* name;
  Form form;
};

// By Op.
inline constexpr OpInfo kOps[] = {
#define FLATMIN_REGION_OP(name, form) {#name, Form::form},
#include "ops.def"
#define FLATMIN_REGION_FUSED(name, operands, ...) {#name, Form::operands},
#include "ops.def"
};

// Those that a program's code may have; fused ones follow.
inline constexpr size_t kCodeOps = 0
#define FLATMIN_REGION_OP(name, form) +1
#include "ops.def"
    ;

// Numbers as they come; all strides count elements. Trailing `columns` axes are a row's columns. A stride of 0 broadcasts, and in an
// output stands for an axis that the value does not depend on.
struct Description {
  std::vector<int64_t> axes;            // extents
  int64_t columns = 0;
  std::vector<int64_t> input_strides;   // inputs × axes
  std::vector<int64_t> output_strides;  // outputs × axes
  std::vector<int64_t> output_dims;     // of each output: rank, dims
  std::vector<int64_t> code;            // instructions × (op, dst, a, b, c)
  std::vector<float> constants;
  bool gaps = false;  // outputs are parts of tensors: elements between those that are stored belong to others
};

// A register, or a constant where negative: number −1 − operand.
using Operand = int32_t;

// `a` of a load is an input; `b` of a store or a column sum an output.
struct Instruction {
  Op op;
  Operand a = 0, b = 0, c = 0;
  bool full = false;  // gives, or in stores is given, a value for every row and column, not one for every row
};

struct Tensor {
  std::vector<int64_t> strides;  // by axis
  int64_t extent = 0;            // elements that a tensor needs to hold for them
};

struct Program {
  std::vector<int64_t> axes;
  size_t row_axes = 0;  // the leading ones
  std::vector<Tensor> inputs, outputs;
  std::vector<std::vector<int64_t>> output_dims;
  std::vector<float> constants;
  std::vector<Instruction> code;
  std::vector<size_t> registers;  // the instruction that gives each
  bool gaps = false;
};

// Throws std::invalid_argument, naming what is wrong.
Program checked(const Description& description);

inline int operands_of(Form form) {
  switch (form) {
    case Form::load: return 0;
    case Form::binary: return 2;
    case Form::ternary: return 3;
    default: return 1;
  }
}

}  // namespace flatmin::kernels::region
