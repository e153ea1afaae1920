#include "isa.h"
#include <cstdlib>
#include <cstring>

namespace flatmin::kernels {
namespace {

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::generic;
}

}  // namespace

Isa wanted_isa() {
  const char* name = std::getenv("FLATMIN_ISA");
  if (name && std::strcmp(name, "generic") == 0) return Isa::generic;
  if (name && std::strcmp(name, "avx2") == 0 && best_isa() < Isa::avx2) return Isa::avx2;
  return best_isa();
}

}  // namespace flatmin::kernels
