// A fused elementwise program over flat float32 vectors, as register code.
#pragma once

#include <cstdint>
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

/// `scalars` is the length of a row of the scalar table. An accumulator takes sums or maxima, not both.
struct VectorCode {
  std::vector<VectorInstruction> instructions;
  uint32_t registers = 0, slots = 0, scalars = 0, accumulators = 0;
};

/// Throws std::invalid_argument, naming the instruction, if an index is out of bounds, a register is read before
/// it is written, or an accumulator is given both sums and maxima.
void validate(const VectorCode& code);

}  // namespace flatmin
