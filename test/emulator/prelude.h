// CUDA C++ as the host's compiler sees it: each CUDA thread is a fiber, and one runs at a time.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "device_state.h"

extern "C" __attribute__((visibility("default"))) EmulatorState emulator_state = {};

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static  // blocks run one after the other
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define threadIdx (emulator_state.thread)
#define blockIdx (emulator_state.block)
#define blockDim (emulator_state.block_size)
#define gridDim (emulator_state.grid_size)
#define warpSize 32

// Not known to NVRTC without headers.
#undef INFINITY
#undef NAN
#undef M_PI

#define EMULATOR_VECTOR2(name, type) struct name { type x, y; }; inline name make_##name(type x, type y) { return {x, y}; }
#define EMULATOR_VECTOR3(name, type) struct name { type x, y, z; }; inline name make_##name(type x, type y, type z) { return {x, y, z}; }
#define EMULATOR_VECTOR4(name, type) \
  struct alignas(sizeof(type) * 4 > 16 ? 16 : sizeof(type) * 4) name { type x, y, z, w; }; \
  inline name make_##name(type x, type y, type z, type w) { return {x, y, z, w}; }
EMULATOR_VECTOR2(int2, int)
EMULATOR_VECTOR3(int3, int)
EMULATOR_VECTOR4(int4, int)
EMULATOR_VECTOR2(uint2, unsigned)
EMULATOR_VECTOR3(uint3, unsigned)
EMULATOR_VECTOR4(uint4, unsigned)
EMULATOR_VECTOR2(float2, float)
EMULATOR_VECTOR3(float3, float)
EMULATOR_VECTOR4(float4, float)
EMULATOR_VECTOR2(double2, double)
EMULATOR_VECTOR2(ulonglong2, unsigned long long)

inline void __syncthreads() { emulator_state.wait(kBlock); }
inline void __syncwarp(unsigned = ~0u) { emulator_state.wait(kWarp); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

// The value of the lane; one's own where the block has no such lane.
template <class T>
T emulator_exchange(T value, unsigned lane) {
  static_assert(sizeof(T) <= 8);
  unsigned own = threadIdx.x, other = own / 32 * 32 + lane;
  memcpy(&emulator_state.exchange[own], &value, sizeof value);
  emulator_state.wait(kWarp);
  if (other < blockDim.x) memcpy(&value, &emulator_state.exchange[other], sizeof value);
  emulator_state.wait(kWarp);
  return value;
}

template <class T>
T __shfl_sync(unsigned, T value, int lane, int width = 32) {
  unsigned own = threadIdx.x % 32;
  return emulator_exchange(value, own / width * width + (unsigned)lane % width);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned delta, int width = 32) {
  unsigned own = threadIdx.x % 32;
  return emulator_exchange(value, own % width + delta < (unsigned)width ? own + delta : own);
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned delta, int width = 32) {
  unsigned own = threadIdx.x % 32;
  return emulator_exchange(value, own % width >= delta ? own - delta : own);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
  unsigned own = threadIdx.x % 32, other = own ^ (unsigned)mask;
  return emulator_exchange(value, other / width == own / width ? other : own);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  unsigned votes = 0, first = threadIdx.x / 32 * 32;
  emulator_state.exchange[threadIdx.x] = predicate != 0;
  emulator_state.wait(kWarp);
  for (unsigned lane = 0; lane < 32 && first + lane < blockDim.x; lane++) votes |= (unsigned)emulator_state.exchange[first + lane] << lane;
  emulator_state.wait(kWarp);
  return votes & mask;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

#define EMULATOR_ATOMIC(name, expression) \
  template <class T>                      \
  T name(T* address, T value) {           \
    T old = *address;                     \
    *address = expression;                \
    return old;                           \
  }
EMULATOR_ATOMIC(atomicAdd, old + value)
EMULATOR_ATOMIC(atomicSub, old - value)
EMULATOR_ATOMIC(atomicExch, value)
EMULATOR_ATOMIC(atomicMin, value < old ? value : old)
EMULATOR_ATOMIC(atomicMax, value > old ? value : old)
EMULATOR_ATOMIC(atomicOr, old | value)
EMULATOR_ATOMIC(atomicAnd, old & value)
inline unsigned atomicInc(unsigned* address, unsigned most) {
  unsigned old = *address;
  *address = old >= most ? 0 : old + 1;
  return old;
}
template <class T>
T atomicCAS(T* address, T expected, T value) {
  T old = *address;
  if (old == expected) *address = value;
  return old;
}

template <class T>
T __ldg(const T* address) { return *address; }

template <class To, class From>
To emulator_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
inline unsigned __float_as_uint(float a) { return emulator_bits<unsigned>(a); }
inline int __float_as_int(float a) { return emulator_bits<int>(a); }
inline float __uint_as_float(unsigned a) { return emulator_bits<float>(a); }
inline float __int_as_float(int a) { return emulator_bits<float>(a); }
inline long long __double_as_longlong(double a) { return emulator_bits<long long>(a); }
inline double __longlong_as_double(long long a) { return emulator_bits<double>(a); }

inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline int __popc(unsigned a) { return __builtin_popcount(a); }
inline int __clz(int a) { return a ? __builtin_clz((unsigned)a) : 32; }
inline int __ffs(int a) { return __builtin_ffs(a); }

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1 / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return sqrt(a); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline float rsqrtf(float a) { return 1 / sqrtf(a); }
inline double rsqrt(double a) { return 1 / sqrt(a); }
inline float __uint2float_rn(unsigned a) { return (float)a; }
inline float __int2float_rn(int a) { return (float)a; }
inline float __double2float_rn(double a) { return (float)a; }
inline int __float2int_rn(float a) { return (int)rintf(a); }
inline int __float2int_rz(float a) { return (int)a; }
inline unsigned __float2uint_rz(float a) { return (unsigned)a; }
inline float sinpif(float a) { return (float)sin(3.14159265358979323846 * a); }
inline float cospif(float a) { return (float)cos(3.14159265358979323846 * a); }
inline void sincospif(float a, float* s, float* c) { *s = sinpif(a), *c = cospif(a); }

#define EMULATOR_EXTREMA(type)                                    \
  inline type min(type a, type b) { return b < a ? b : a; } \
  inline type max(type a, type b) { return a < b ? b : a; }
EMULATOR_EXTREMA(int)
EMULATOR_EXTREMA(unsigned)
EMULATOR_EXTREMA(long)
EMULATOR_EXTREMA(unsigned long)
EMULATOR_EXTREMA(long long)
EMULATOR_EXTREMA(unsigned long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

// Bytes of parameter number i, or -1 past the last.
template <class... Parameters>
int emulator_parameter(void (*)(Parameters...), size_t i) {
  const int sizes[] = {(int)sizeof(Parameters)..., -1};
  return i < sizeof...(Parameters) ? sizes[i] : -1;
}

template <size_t... i>
struct EmulatorIndices {};
template <size_t n, size_t... i>
struct EmulatorRange : EmulatorRange<n - 1, n - 1, i...> {};
template <size_t... i>
struct EmulatorRange<0, i...> {
  using Type = EmulatorIndices<i...>;
};
template <class... Parameters, size_t... i>
void emulator_apply(void (*kernel)(Parameters...), void** values, EmulatorIndices<i...>) {
  kernel(*(Parameters*)values[i]...);
}
template <class... Parameters>
void emulator_call(void (*kernel)(Parameters...), void** values) {
  emulator_apply(kernel, values, typename EmulatorRange<sizeof...(Parameters)>::Type());
}
