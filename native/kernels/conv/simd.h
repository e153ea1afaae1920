// Float vectors of FLATMIN_LANES lanes for the instruction set of the including translation unit.
// A `Group` is 16 consecutive channels, whatever the width of a vector.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int kLanes = FLATMIN_LANES;
constexpr int kGroup = 16;
constexpr int kVectors = kGroup / kLanes;  // vectors in a group

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float VecLoose __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef int32_t VecIndex __attribute__((vector_size(kLanes * 4)));

#define FLATMIN_INLINE static inline __attribute__((always_inline))

FLATMIN_INLINE Vec load(const float* p) { return *reinterpret_cast<const VecLoose*>(p); }
FLATMIN_INLINE void store(float* p, Vec v) { *reinterpret_cast<VecLoose*>(p) = v; }

/// The first n floats at p (0 <= n < kLanes), zeros after them; nothing beyond them is read or written.
#if FLATMIN_LANES == 16
FLATMIN_INLINE Vec load_first(const float* p, int n) { return (Vec)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p); }
FLATMIN_INLINE void store_first(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v); }
#elif FLATMIN_LANES == 8
FLATMIN_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
FLATMIN_INLINE Vec load_first(const float* p, int n) { return (Vec)_mm256_maskload_ps(p, first_lanes(n)); }
FLATMIN_INLINE void store_first(float* p, Vec v, int n) { _mm256_maskstore_ps(p, first_lanes(n), (__m256)v); }
#else
FLATMIN_INLINE Vec load_first(const float* p, int n) { return Vec{n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0}; }
FLATMIN_INLINE void store_first(float* p, Vec v, int n) {
  for (int i = 0; i < n; i++) p[i] = v[i];
}
#endif

/// The first n of a vector's floats at p; n may be negative, or more than there are lanes.
FLATMIN_INLINE Vec load_up_to(const float* p, int64_t n) { return n >= kLanes ? load(p) : n <= 0 ? Vec{} : load_first(p, int(n)); }
FLATMIN_INLINE void store_up_to(float* p, Vec v, int64_t n) {
  if (n >= kLanes) {
    store(p, v);
  } else if (n > 0) {
    store_first(p, v, int(n));
  }
}

#if FLATMIN_LANES == 16
FLATMIN_INLINE Vec splat(float s) { return (Vec)_mm512_set1_ps(s); }
/// a * b + c
FLATMIN_INLINE Vec fma(Vec a, Vec b, Vec c) { return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
#elif FLATMIN_LANES == 8
FLATMIN_INLINE Vec splat(float s) { return (Vec)_mm256_set1_ps(s); }
FLATMIN_INLINE Vec fma(Vec a, Vec b, Vec c) { return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
#else
FLATMIN_INLINE Vec splat(float s) { return Vec{s, s, s, s}; }
#if defined(__aarch64__)
FLATMIN_INLINE Vec fma(Vec a, Vec b, Vec c) { return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
#else
FLATMIN_INLINE Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
#endif
#endif

/// sums[v] += *a * b[v]. Left to itself clang moves the loads of a forward and puts results into their registers, and then keeps
/// some of the sums in memory where there are many: a tenth of a convolution's time. GCC needs to be told of one load of a alone.
template <int Vectors>
FLATMIN_INLINE void add_products(Vec (&sums)[Vectors], const float* a, const Vec (&b)[Vectors]) {
#if defined(__clang__) && FLATMIN_LANES > 4
  Vec every;
  asm volatile("vbroadcastss %1, %0" : "=v"(every) : "m"(*a));
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; v++) asm volatile("vfmadd231ps %2, %1, %0" : "+v"(sums[v]) : "v"(every), "v"(b[v]));
#else
  Vec every = splat(*a);
#if defined(__x86_64__)
  asm("" : "+v"(every));
#endif
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; v++) sums[v] = fma(every, b[v], sums[v]);
#endif
}

/// A step of a transpose at distance D: with Low the lanes of a and, between them, of b whose index has bit D clear; else those
/// with it set.
template <int D, bool Low>
struct ButterflyMask {
  static constexpr int lane(int i) {
    return Low ? ((i & D) ? kLanes + (i ^ D) : i) : ((i & D) ? kLanes + i : (i ^ D));
  }
};

template <int D, bool Low>
FLATMIN_INLINE Vec butterfly(Vec a, Vec b) {
  using M = ButterflyMask<D, Low>;
#define L(i) M::lane(i)
#if FLATMIN_LANES == 16
#define FLATMIN_LANE_LIST \
  L(0), L(1), L(2), L(3), L(4), L(5), L(6), L(7), L(8), L(9), L(10), L(11), L(12), L(13), L(14), L(15)
#elif FLATMIN_LANES == 8
#define FLATMIN_LANE_LIST L(0), L(1), L(2), L(3), L(4), L(5), L(6), L(7)
#else
#define FLATMIN_LANE_LIST L(0), L(1), L(2), L(3)
#endif
#if defined(__clang__)
  return __builtin_shufflevector(a, b, FLATMIN_LANE_LIST);
#else
  return __builtin_shuffle(a, b, VecIndex{FLATMIN_LANE_LIST});
#endif
#undef FLATMIN_LANE_LIST
#undef L
}

template <int D>
FLATMIN_INLINE void transpose_stage(Vec* v) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    if (i & D) continue;
    const Vec a = v[i], b = v[i | D];
    v[i] = butterfly<D, true>(a, b);
    v[i | D] = butterfly<D, false>(a, b);
  }
}

/// Transposes a square of kLanes x kLanes floats held in kLanes vectors.
FLATMIN_INLINE void transpose(Vec* v) {
#if FLATMIN_LANES == 16
  transpose_stage<8>(v);
#endif
#if FLATMIN_LANES >= 8
  transpose_stage<4>(v);
#endif
  transpose_stage<2>(v);
  transpose_stage<1>(v);
}

}  // namespace flatmin::kernels::FLATMIN_ISA
