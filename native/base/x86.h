// What an x86-64 processor and its system have, asked by the instruction itself: not every compiler's run-time library answers
// __builtin_cpu_supports (zig's says no to everything). Calls nothing, so it serves before the addon's symbols are bound.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

namespace flatmin::x86 {

struct Features {
  bool avx2 = false;    // AVX2 and FMA
  bool avx512 = false;  // AVX-512 F, VL, DQ and BW
  bool v3 = false;      // all of x86-64-v3
  bool v4 = false;      // all of x86-64-v4
};

// Bits of leaf 1 (ecx), of leaf 7 (ebx) and of leaf 0x80000001 (ecx), as Intel's and AMD's manuals number them.
inline Features features() {
  Features found;
  unsigned a, b, c, d, b7, c7, d7, extended;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const unsigned leaf1 = c;
  if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) || !__get_cpuid(0x80000001, &a, &b, &extended, &d)) return found;
  const auto all = [](unsigned bits, auto... wanted) { return ((bits >> wanted & 1) && ...); };

  if (!all(leaf1, 27)) return found;  // OSXSAVE: the system says which registers it keeps
  unsigned kept, high;
  __asm__ volatile("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
  if (!all(kept, 1, 2)) return found;  // xmm, ymm
  found.avx2 = all(leaf1, 12, 28) && all(b7, 5);
  found.v3 = found.avx2 && all(leaf1, 22, 23, 29) && all(b7, 3, 8) && all(extended, 5);
  if (!all(kept, 5, 6, 7)) return found;  // masks, zmm
  found.avx512 = found.avx2 && all(b7, 16, 17, 30, 31);
  found.v4 = found.v3 && found.avx512 && all(b7, 28);
  return found;
}

}  // namespace flatmin::x86
#endif
