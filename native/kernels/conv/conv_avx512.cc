#if defined(__x86_64__)
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <immintrin.h>
#include "conv.h"
#include "conv_table.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#endif
#define FLATMIN_ISA avx512
#define FLATMIN_TABLE kAvx512Table
#define FLATMIN_LANES 16
#include "conv_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
