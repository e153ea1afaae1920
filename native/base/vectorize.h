// Compiler switches for loops meant to be auto-vectorised. Every clone of a function computes the same
// bits: no contraction into fused multiply-add, no reassociation.
#pragma once

// On glibc a marked function is compiled once per x86-64 level, and one is picked at load time (ifunc).
#if defined(__x86_64__) && defined(__gnu_linux__) && (defined(__clang__) ? __clang_major__ >= 18 : __GNUC__ >= 12)
#define FLATMIN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FLATMIN_CLONES
#endif

#if defined(_MSC_VER)
#define FLATMIN_INLINE __forceinline
#else
#define FLATMIN_INLINE inline __attribute__((always_inline))
#endif

// The next loop's iterations are independent: its pointers are equal or do not overlap.
#if defined(__clang__)
#define FLATMIN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(_MSC_VER)
#define FLATMIN_INDEPENDENT __pragma(loop(ivdep))
#else
#define FLATMIN_INDEPENDENT _Pragma("GCC ivdep")
#endif

// From here to the end of the file: exact IEEE arithmetic. GCC takes this from the command line, because its
// clones ignore pragmas: -ffp-contract=off, and for speed -fno-math-errno -fno-trapping-math, without which
// square roots and selections are not vectorised.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif
