#include "vector_code.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace flatmin {
namespace {

constexpr uint32_t largest_table = 1024;

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

enum class Operand { unread, reg, written_register, slot, scalar, accumulator };

struct Signature {
  const char* name;
  Operand dst, a, b;
};

Signature signature_of(VectorOp op) {
  using enum Operand;
  switch (op) {
    case VectorOp::Load: return {"Load", reg, slot, unread};
    case VectorOp::Store: return {"Store", slot, written_register, unread};
    case VectorOp::Add: return {"Add", reg, written_register, written_register};
    case VectorOp::Sub: return {"Sub", reg, written_register, written_register};
    case VectorOp::Mul: return {"Mul", reg, written_register, written_register};
    case VectorOp::Div: return {"Div", reg, written_register, written_register};
    case VectorOp::Max: return {"Max", reg, written_register, written_register};
    case VectorOp::AddScalar: return {"AddScalar", reg, written_register, scalar};
    case VectorOp::SubScalar: return {"SubScalar", reg, written_register, scalar};
    case VectorOp::ScalarSub: return {"ScalarSub", reg, written_register, scalar};
    case VectorOp::MulScalar: return {"MulScalar", reg, written_register, scalar};
    case VectorOp::DivScalar: return {"DivScalar", reg, written_register, scalar};
    case VectorOp::ScalarDiv: return {"ScalarDiv", reg, written_register, scalar};
    case VectorOp::MaxScalar: return {"MaxScalar", reg, written_register, scalar};
    case VectorOp::Abs: return {"Abs", reg, written_register, unread};
    case VectorOp::Sqrt: return {"Sqrt", reg, written_register, unread};
    case VectorOp::Square: return {"Square", reg, written_register, unread};
    case VectorOp::Sign: return {"Sign", reg, written_register, unread};
    case VectorOp::FillScalar: return {"FillScalar", reg, scalar, unread};
    case VectorOp::Sum: return {"Sum", accumulator, written_register, unread};
    case VectorOp::SumSquares: break;
  }
  return {"SumSquares", accumulator, written_register, unread};
}

}  // namespace

void validate(const VectorCode& code) {
  if (std::max({code.registers, code.slots, code.scalars, code.accumulators}) > largest_table)
    refuse("vector program: expected at most " + std::to_string(largest_table) +
           " registers, slots, scalars and accumulators each");
  std::vector<bool> written(code.registers, false);
  for (size_t at = 0; at < code.instructions.size(); ++at) {
    const VectorInstruction& instruction = code.instructions[at];
    const std::string place = "vector program: instruction " + std::to_string(at);
    if (instruction.op >= vector_op_count) refuse(place + " has unknown op " + std::to_string(instruction.op));
    const Signature signature = signature_of(static_cast<VectorOp>(instruction.op));
    const auto check = [&](Operand operand, uint32_t index) {
      const auto bound = [&](const char* what, uint32_t limit) {
        if (index >= limit)
          refuse(place + " (" + signature.name + "): " + what + ' ' + std::to_string(index) + " of " +
                 std::to_string(limit));
      };
      switch (operand) {
        case Operand::unread: break;
        case Operand::reg: bound("register", code.registers); break;
        case Operand::written_register:
          bound("register", code.registers);
          if (!written[index])
            refuse(place + " (" + signature.name + ") reads register " + std::to_string(index) +
                   " before it is written");
          break;
        case Operand::slot: bound("slot", code.slots); break;
        case Operand::scalar: bound("scalar", code.scalars); break;
        case Operand::accumulator: bound("accumulator", code.accumulators); break;
      }
    };
    check(signature.a, instruction.a);
    check(signature.b, instruction.b);
    check(signature.dst, instruction.dst);
    if (signature.dst == Operand::reg) written[instruction.dst] = true;
  }
}

}  // namespace flatmin
