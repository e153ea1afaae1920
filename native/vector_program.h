// Fused elementwise programs over flat float32 vectors: an optimizer's update in one pass over memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flatmin {

/// Registers hold one element each of the vectors; `s` is the range's scalar number `b`. All arithmetic is float32,
/// one rounding per operation, and NaN operands give NaN, in Min, Max and Sign too. Accumulators are float64.
enum class VectorOp : uint32_t {
  Load,        // register dst ← slot a
  Store,       // slot dst ← register a
  Add,         // register dst ← register a ∘ register b, and so on to Max
  Sub,
  Mul,
  Div,
  Min,
  Max,
  AddScalar,   // a + s
  SubScalar,   // a − s
  ScalarSub,   // s − a
  MulScalar,   // a · s
  DivScalar,   // a / s
  ScalarDiv,   // s / a
  MinScalar,   // min(a, s)
  MaxScalar,   // max(a, s)
  Neg,
  Abs,
  Sqrt,
  Square,
  Sign,        // −1, 0 or 1
  FillScalar,  // register dst ← scalar a
  Sum,         // accumulator dst += Σ register a
  SumSquares,  // accumulator dst += Σ (register a)²
  MaxAbs,      // accumulator dst ← max(accumulator dst, |register a|), from 0
};
inline constexpr uint32_t vector_op_count = static_cast<uint32_t>(VectorOp::MaxAbs) + 1;

struct VectorInstruction {
  uint32_t op, dst, a, b;
};

/// Elements [first, first + count) of every slot, under row `scalar_row` of the scalar table: a parameter group.
struct VectorRange {
  uint64_t first, count;
  uint32_t scalar_row;
};

/// `scalars` is the length of a row of the scalar table. An accumulator takes sums or maxima, not both.
struct VectorProgram {
  std::vector<VectorInstruction> code;
  uint32_t registers, slots, scalars, accumulators;
};

/// Throws std::invalid_argument, naming the instruction, if an index is out of bounds, a register is read before
/// it is written, or an accumulator is given both sums and maxima.
void validate(const VectorProgram& program);

/// Runs the program on every element of the ranges and returns the accumulators.
/// `slots[k]` is the first element of vector k (any alignment); `scalar_table` holds rows of `program.scalars`.
/// Throws std::invalid_argument for what `validate` refuses, and for missing slots or scalars, a range that ends
/// beyond 2⁶⁴, and, if the program stores, ranges that overlap or a stored slot that overlaps another one.
/// Results, accumulators included, do not depend on `threads` or on the processor.
std::vector<double> run(const VectorProgram& program, std::span<float* const> slots,
                        std::span<const VectorRange> ranges, std::span<const float> scalar_table, unsigned threads);

}  // namespace flatmin
