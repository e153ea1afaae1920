// A fused elementwise program over flat float32 vectors, as register code.
#pragma once

#include <cstdint>
#include <vector>

namespace flatmin {

enum class VectorOp : uint32_t {
#define FLATMIN_VECTOR_OP(name, ...) name,
#include "ops.def"
};

/// What a number of an instruction names. A `value` is a register that has been written, `reg` one to be written.
enum class Operand { unread, reg, value, slot, scalar, accumulator };

struct VectorSignature {
  const char* name;
  Operand dst, a, b;
};

/// By VectorOp.
inline constexpr VectorSignature vector_signatures[] = {
#define FLATMIN_VECTOR_OP(name, dst, a, b, ...) {#name, Operand::dst, Operand::a, Operand::b},
#include "ops.def"
};

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
