#include "code.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

namespace flatmin {
namespace {

constexpr uint32_t largest_table = 1024;

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

}  // namespace

void validate(const VectorCode& code) {
  if (std::max({code.registers, code.slots, code.scalars, code.accumulators}) > largest_table)
    refuse("vector program: expected at most " + std::to_string(largest_table) +
           " registers, slots, scalars and accumulators each");
  std::vector<bool> written(code.registers, false);
  for (size_t at = 0; at < code.instructions.size(); ++at) {
    const VectorInstruction& instruction = code.instructions[at];
    const std::string place = "vector program: instruction " + std::to_string(at);
    if (instruction.op >= std::size(vector_signatures)) refuse(place + " has unknown op " + std::to_string(instruction.op));
    const VectorSignature& signature = vector_signatures[instruction.op];
    const auto check = [&](Operand operand, uint32_t index) {
      const auto bound = [&](const char* what, uint32_t limit) {
        if (index >= limit)
          refuse(place + " (" + signature.name + "): " + what + ' ' + std::to_string(index) + " of " +
                 std::to_string(limit));
      };
      switch (operand) {
        case Operand::unread: break;
        case Operand::reg: bound("register", code.registers); break;
        case Operand::value:
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
