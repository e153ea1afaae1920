#include "instruction_set.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "x86.h"

namespace flatmin {
namespace {

InstructionSet best() {
#if defined(__x86_64__)
  const x86::Features has = x86::features();
  if (has.avx512) return InstructionSet::avx512;
  if (has.avx2) return InstructionSet::avx2;
#endif
  return InstructionSet::generic;
}

}  // namespace

InstructionSet instruction_set() {
  const char* set = std::getenv("FLATMIN_ISA");
  const std::string_view name = set ? set : "";
  const InstructionSet wanted = name == "generic" ? InstructionSet::generic : name == "avx2" ? InstructionSet::avx2 : InstructionSet::avx512;
  return std::max(best(), wanted);
}

}  // namespace flatmin
