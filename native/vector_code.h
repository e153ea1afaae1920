// A fused elementwise program over flat float32 vectors, as register code.
#pragma once

#include <cstdint>
#include <vector>

namespace flatmin {

/// Registers hold one element each of the vectors; `s` is the range's scalar number `b`. All arithmetic is float32,
/// one rounding per operation, and NaN operands give NaN, in Max and Sign too. Accumulators are float64.
enum class VectorOp : uint32_t {
  Load,        // register dst ← slot a
  Store,       // slot dst ← register a
  Add,         // register dst ← register a ∘ register b, and so on to Max
  Sub,
  Mul,
  Div,
  Max,
  AddScalar,   // a + s
  SubScalar,   // a − s
  ScalarSub,   // s − a
  MulScalar,   // a · s
  DivScalar,   // a / s
  ScalarDiv,   // s / a
  MaxScalar,   // max(a, s)
  Abs,
  Sqrt,
  Square,
  Sign,        // −1, 0 or 1
  FillScalar,  // register dst ← scalar a
  Sum,         // accumulator dst += Σ register a
  SumSquares,  // accumulator dst += Σ (register a)²
};
inline constexpr uint32_t vector_op_count = static_cast<uint32_t>(VectorOp::SumSquares) + 1;

struct VectorInstruction {
  uint32_t op, dst, a, b;
};

/// `scalars` is the length of a row of the scalar table.
struct VectorCode {
  std::vector<VectorInstruction> instructions;
  uint32_t registers = 0, slots = 0, scalars = 0, accumulators = 0;
};

/// Throws std::invalid_argument, naming the instruction, if an index is out of bounds or a register is read
/// before it is written.
void validate(const VectorCode& code);

}  // namespace flatmin
