#if defined(__x86_64__)
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "steps.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw")
#endif
#define FLATMIN_ISA avx512
#define FLATMIN_STEPS kAvx512Steps
#include "steps_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
