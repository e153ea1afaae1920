#if defined(__x86_64__)
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "steps.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define FLATMIN_ISA avx2
#define FLATMIN_STEPS kAvx2Steps
#include "steps_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
