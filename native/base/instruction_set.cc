#include "instruction_set.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace flatmin {
namespace {

InstructionSet best() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")) {
    return InstructionSet::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
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
