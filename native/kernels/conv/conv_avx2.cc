#if defined(__x86_64__)
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <immintrin.h>
#include "conv.h"
#include "conv_table.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define FLATMIN_ISA avx2
#define FLATMIN_TABLE kAvx2Table
#define FLATMIN_LANES 8
#include "conv_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
