#if defined(__x86_64__)
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <immintrin.h>
#include "attention.h"
#include "attention_table.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#endif
#define FLATMIN_ISA avx512
#define FLATMIN_TABLE kAvx512Attention
#define FLATMIN_LANES 16
#include "attention_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
