#include "program.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace flatmin::kernels::region {
namespace {

// Bounds below which no index, sum or size that is computed overflows.
constexpr int64_t kMostElements = int64_t{1} << 40;
constexpr size_t kMostAxes = 16, kMostTensors = 256, kMostInstructions = 4096;

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument("region: " + why); }

int64_t product(std::span<const int64_t> extents, const std::string& of) {
  int64_t elements = 1;
  for (const int64_t extent : extents) {
    if (extent < 1) refuse(of + ": an extent is " + std::to_string(extent) + ", expected at least 1");
    if (extent > kMostElements / elements) refuse(of + ": more than 2^40 elements");
    elements *= extent;
  }
  return elements;
}

std::vector<Tensor> tensors(const std::vector<int64_t>& strides, const std::vector<int64_t>& axes, const std::string& what) {
  if (strides.size() % axes.size() != 0) {
    refuse(what + "_strides: " + std::to_string(strides.size()) + " numbers, expected a multiple of the " + std::to_string(axes.size()) + " axes");
  }
  std::vector<Tensor> all(strides.size() / axes.size());
  if (all.size() > kMostTensors) refuse(what + "_strides: " + std::to_string(all.size()) + " tensors, expected at most " + std::to_string(kMostTensors));
  for (size_t index = 0; index < all.size(); ++index) {
    const auto from = strides.begin() + static_cast<std::ptrdiff_t>(index * axes.size());
    all[index].strides.assign(from, from + static_cast<std::ptrdiff_t>(axes.size()));
    int64_t last = 0;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      const int64_t stride = all[index].strides[axis];
      const std::string name = what + " " + std::to_string(index) + ": the stride of axis " + std::to_string(axis) + " is " + std::to_string(stride);
      if (stride < 0) refuse(name + ", expected at least 0");
      if (axes[axis] > 1 && stride > (kMostElements - last) / (axes[axis] - 1)) refuse(name + ": the tensor has more than 2^40 elements");
      last += (axes[axis] - 1) * stride;
    }
    all[index].extent = last + 1;
  }
  return all;
}

std::vector<std::vector<int64_t>> split_dims(const std::vector<int64_t>& flat, size_t outputs) {
  std::vector<std::vector<int64_t>> all;
  size_t at = 0;
  while (at < flat.size()) {
    const int64_t rank = flat[at++];
    if (rank < 0 || static_cast<uint64_t>(rank) > flat.size() - at) {
      refuse("output_dims: output " + std::to_string(all.size()) + " has rank " + std::to_string(rank) + ", and " + std::to_string(flat.size() - at) +
             " numbers are left");
    }
    const auto from = flat.begin() + static_cast<std::ptrdiff_t>(at);
    all.emplace_back(from, from + rank);
    at += static_cast<size_t>(rank);
  }
  if (all.size() != outputs) refuse("output_dims: " + std::to_string(all.size()) + " shapes, expected " + std::to_string(outputs));
  return all;
}

// That what is stored lands in every element of the output, or in some of them, each but once.
void check_covers(const Program& program, size_t output, size_t first_axis, size_t end_axis) {
  const Tensor& tensor = program.outputs[output];
  const std::string name = "output " + std::to_string(output);
  std::vector<std::pair<int64_t, int64_t>> axes;  // stride, extent
  for (size_t axis = 0; axis < program.axes.size(); ++axis) {
    const int64_t stride = tensor.strides[axis], extent = program.axes[axis];
    if (extent == 1) continue;
    const bool varies = axis >= first_axis && axis < end_axis;
    if (varies != (stride > 0)) {
      refuse(name + ": the stride of axis " + std::to_string(axis) + " is " + std::to_string(stride) + ", but the value stored " +
             (varies ? "varies" : "does not vary") + " along it");
    }
    if (varies) axes.emplace_back(stride, extent);
  }
  std::sort(axes.begin(), axes.end());
  int64_t dense = 1;
  for (const auto& [stride, extent] : axes) {
    if (stride != dense && !(program.gaps && stride > dense)) {
      refuse(name + ": a stride is " + std::to_string(stride) + ", expected " + std::to_string(dense) + " for elements without overlap or gap");
    }
    dense = stride * extent;
  }
  if (program.gaps) return;
  const int64_t elements = product(program.output_dims[output], name);
  if (elements != dense) refuse(name + ": " + std::to_string(elements) + " elements, of which " + std::to_string(dense) + " are stored");
}

// The instructions, one after the other.
class Reader {
 public:
  Reader(Program& program, const std::vector<int64_t>& code) : program_(program), written_(program.outputs.size()) {
    if (code.empty() || code.size() % 5 != 0) refuse("code: " + std::to_string(code.size()) + " numbers, expected a multiple of 5");
    if (code.size() / 5 > kMostInstructions) refuse("code: more than " + std::to_string(kMostInstructions) + " instructions");
    for (size_t at = 0; at < code.size(); at += 5) read(std::span(code).subspan(at, 5));
    for (size_t output = 0; output < written_.size(); ++output)
      if (!written_[output]) refuse("output " + std::to_string(output) + " is never stored");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { refuse("instruction " + std::to_string(program_.code.size()) + " " + name_ + ": " + why); }

  void read(std::span<const int64_t> words) {
    name_ = "";
    if (words[0] < 0 || static_cast<uint64_t>(words[0]) >= kCodeOps) fail("has unknown op " + std::to_string(words[0]));
    const auto& [name, form] = kOps[words[0]];
    name_ = name;
    Instruction instruction{.op = static_cast<Op>(words[0])};
    switch (form) {
      case Form::load: {
        instruction.a = number(words[2], program_.inputs.size(), "input");
        instruction.full = varies_in_row(program_.inputs[static_cast<size_t>(instruction.a)]);
        break;
      }
      case Form::unary:
      case Form::binary:
      case Form::ternary: {
        Operand* const operands[] = {&instruction.a, &instruction.b, &instruction.c};
        for (int index = 0; index < operands_of(form); ++index) {
          *operands[index] = operand(words[2 + static_cast<size_t>(index)]);
          instruction.full = instruction.full || is_full(*operands[index]);
        }
        break;
      }
      case Form::reduction: instruction.a = full_register(words[2]); break;
      case Form::store:
        instruction.a = register_of(words[2]);
        instruction.full = is_full(instruction.a);
        instruction.b = output(words[3], 0, instruction.full ? program_.axes.size() : program_.row_axes);
        break;
      case Form::column_sum:
        instruction.a = full_register(words[2]);
        instruction.full = true;
        instruction.b = output(words[3], program_.row_axes, program_.axes.size());
        break;
    }
    if (form != Form::store && form != Form::column_sum) {
      if (words[1] < 0 || static_cast<uint64_t>(words[1]) != program_.registers.size()) {
        fail("writes register " + std::to_string(words[1]) + ", expected " + std::to_string(program_.registers.size()));
      }
      program_.registers.push_back(program_.code.size());
    }
    program_.code.push_back(instruction);
  }

  int32_t number(int64_t word, size_t count, const char* what) const {
    if (word < 0 || static_cast<uint64_t>(word) >= count) fail(std::string("there is no ") + what + " " + std::to_string(word));
    return static_cast<int32_t>(word);
  }

  Operand register_of(int64_t word) const {
    if (word < 0 || static_cast<uint64_t>(word) >= program_.registers.size()) fail("reads register " + std::to_string(word) + ", which is not written before");
    return static_cast<Operand>(word);
  }

  Operand operand(int64_t word) const {
    if (word >= 0) return register_of(word);
    if (word < -static_cast<int64_t>(program_.constants.size())) fail("there is no constant " + std::to_string(-1 - word));
    return static_cast<Operand>(word);
  }

  Operand full_register(int64_t word) const {
    const Operand found = register_of(word);
    if (!is_full(found)) fail("reads register " + std::to_string(word) + ", which has one value for a row, expected one for every column");
    return found;
  }

  Operand output(int64_t word, size_t first_axis, size_t end_axis) {
    const int32_t found = number(word, program_.outputs.size(), "output");
    if (written_[static_cast<size_t>(found)]) fail("output " + std::to_string(word) + " is stored twice");
    written_[static_cast<size_t>(found)] = true;
    check_covers(program_, static_cast<size_t>(found), first_axis, end_axis);
    return found;
  }

  // Steps along axes of extent 1 count in rows of a single column alone, whose kind they are there to tell.
  bool varies_in_row(const Tensor& tensor) const {
    bool single = true, stepped = false, varies = false;
    for (size_t axis = program_.row_axes; axis < program_.axes.size(); ++axis) {
      single = single && program_.axes[axis] == 1;
      stepped = stepped || tensor.strides[axis] != 0;
      varies = varies || (program_.axes[axis] > 1 && tensor.strides[axis] != 0);
    }
    return single ? stepped : varies;
  }

  bool is_full(Operand operand) const { return operand >= 0 && program_.code[program_.registers[static_cast<size_t>(operand)]].full; }

  Program& program_;
  std::vector<bool> written_;
  std::string name_;
};

}  // namespace

Program checked(const Description& description) {
  Program program;
  program.axes = description.axes;
  if (program.axes.empty() || program.axes.size() > kMostAxes) {
    refuse("axes: " + std::to_string(program.axes.size()) + " extents, expected 1 to " + std::to_string(kMostAxes));
  }
  product(program.axes, "axes");
  if (description.columns < 0 || static_cast<uint64_t>(description.columns) > program.axes.size()) {
    refuse("columns is " + std::to_string(description.columns) + ", expected 0 to " + std::to_string(program.axes.size()));
  }
  program.row_axes = program.axes.size() - static_cast<size_t>(description.columns);
  program.inputs = tensors(description.input_strides, program.axes, "input");
  program.outputs = tensors(description.output_strides, program.axes, "output");
  program.output_dims = split_dims(description.output_dims, program.outputs.size());
  program.constants = description.constants;
  program.gaps = description.gaps;
  Reader(program, description.code);
  return program;
}

}  // namespace flatmin::kernels::region
