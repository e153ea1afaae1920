#if defined(__x86_64__)
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <immintrin.h>
#include "attention.h"
#include "attention_table.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define FLATMIN_ISA avx2
#define FLATMIN_TABLE kAvx2Attention
#define FLATMIN_LANES 8
#include "attention_body.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
