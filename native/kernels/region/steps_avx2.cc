#if defined(__x86_64__)
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <immintrin.h>

#include "steps.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define FLATMIN_ISA avx2
#define FLATMIN_STEPS kAvx2Steps
#define FLATMIN_LANES 8
#include "steps_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
