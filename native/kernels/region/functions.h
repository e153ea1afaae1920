// Elementary functions of float32, branch-free so that loops over them are vectorised, exact operations alone so that every instruction
// set gives the same bits. Coefficients: minimax fits made for these intervals. Errors are of all float32 arguments, against the exact value.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace flatmin::kernels::region::FLATMIN_ISA {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

FLATMIN_INLINE int32_t bits_of(float x) { return std::bit_cast<int32_t>(x); }
FLATMIN_INLINE float float_of(int32_t bits) { return std::bit_cast<float>(bits); }

// The nearest integer, as the low bits of x + kMagic and, less kMagic, as a float; for |x| < 2^22.
constexpr float kMagic = 12582912.0f;  // 1.5 · 2^23

// ln 2 in two parts: the first has 9 zero bits at its end, so that its product with an exponent is exact.
constexpr float kLn2High = 0.693145751953125f, kLn2Low = 1.42860682e-06f;

// Results below the smallest normal number are 0.
FLATMIN_INLINE float exp_of(float x) {
  const float in = x > 89.0f ? 89.0f : x > -88.0f ? x : -88.0f;  // NaN too, until the end
  const float shifted = in * 1.44269504f + kMagic;
  const float n = shifted - kMagic;
  const float r = (in - n * kLn2High) - n * kLn2Low;
  float p = 0.00139517075f;
  p = p * r + 0.00836959936f;
  p = p * r + 0.0416661874f;
  p = p * r + 0.166665129f;
  p = p * r + 0.50000001f;
  const float power = (p * (r * r) + r) + 1.0f;
  const float y = float_of(bits_of(power) + static_cast<int32_t>(static_cast<uint32_t>(bits_of(shifted)) << 23));
  return x > 88.7228394f ? kInfinity : x < -87.3365f ? 0.0f : x != x ? x : y;
}

FLATMIN_INLINE float log_of(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float in = tiny ? x * 8388608.0f : x;
  const int32_t bits = bits_of(in);
  // in = 2^e · m with m in [√½, √2)
  const int32_t e = (bits - 0x3f3504f3) >> 23;
  const float f = float_of(bits - static_cast<int32_t>(static_cast<uint32_t>(e) << 23)) - 1.0f;
  const float n = static_cast<float>(tiny ? e - 23 : e);
  float p = 0.0674645482f;
  p = p * f - 0.116756234f;
  p = p * f + 0.118882321f;
  p = p * f - 0.124055972f;
  p = p * f + 0.142195433f;
  p = p * f - 0.166679951f;
  p = p * f + 0.200021191f;
  p = p * f - 0.250000096f;
  p = p * f + 0.333333126f;
  const float square = f * f;
  const float tail = p * (f * square) - 0.5f * square;
  const float y = n * kLn2High + (f + (tail + n * kLn2Low));
  return x == 0.0f ? -kInfinity : x > 0.0f ? (x == kInfinity ? x : y) : kNan;
}

FLATMIN_INLINE float erf_of(float x) {
  const float t = x * x;
  float p = 2.04189225e-06f;
  p = p * t + 0.000284782066f;
  p = p * t + 0.00377901404f;
  p = p * t + 0.0527884145f;
  p = p * t + 0.190771773f;
  p = p * t + 1.12837915f;
  float q = 3.80018716e-05f;
  q = q * t + 0.00116504368f;
  q = q * t + 0.0149962592f;
  q = q * t + 0.114252286f;
  q = q * t + 0.502399805f;
  q = q * t + 1.0f;
  const float y = x * p / q;
  const float limited = y > 1.0f ? 1.0f : y < -1.0f ? -1.0f : y;
  return x > 3.92f ? 1.0f : x < -3.92f ? -1.0f : limited;
}

FLATMIN_INLINE float tanh_of(float x) {
  const float t = x * x;
  float p = -1.22038079e-11f;
  p = p * t + 3.05856654e-08f;
  p = p * t + 2.80077901e-05f;
  p = p * t + 0.00386834613f;
  p = p * t + 0.136799303f;
  p = p * t + 0.999999999f;
  float q = 1.28738768e-06f;
  q = q * t + 0.00039386621f;
  q = q * t + 0.0272459078f;
  q = q * t + 0.470132623f;
  q = q * t + 1.0f;
  const float y = x * p / q;
  const float limited = y > 1.0f ? 1.0f : y < -1.0f ? -1.0f : y;
  return x > 9.01f ? 1.0f : x < -9.01f ? -1.0f : limited;
}

FLATMIN_INLINE float sigmoid_of(float x) { return 1.0f / (1.0f + exp_of(-x)); }

// max(x, 0) + log1p(exp(−|x|))
FLATMIN_INLINE float softplus_of(float x) {
  const float u = exp_of(-std::fabs(x));
  float p = 0.00341723697f;
  p = p * u + 0.238156014f;
  p = p * u + 1.06621583f;
  p = p * u + 0.999999999f;
  float q = 0.0752867013f;
  q = q * u + 0.687933458f;
  q = q * u + 1.5662157f;
  q = q * u + 1.0f;
  return (x > 0.0f ? x : 0.0f) + u * p / q;
}

// x = n·π/2 + r with |r| <= π/4, in float64: exact enough up to kMostAngle; beyond it the loops call the standard library.
constexpr float kMostAngle = 1048576.0f;

struct Turned {
  float r;
  int32_t quarter;
};

FLATMIN_INLINE Turned turned(float x) {
  constexpr double kMagic64 = 6755399441055744.0;  // 1.5 · 2^52
  const double in = std::fabs(x) < kMostAngle ? x : 0.0f;
  const double n = (in * 0.63661977236758138 + kMagic64) - kMagic64;
  const double r = (in - n * 1.5707963267341256) - n * 6.0771005065061922e-11;
  return {static_cast<float>(r), static_cast<int32_t>(n)};
}

FLATMIN_INLINE float sine_of(float r) {
  const float t = r * r;
  float p = -0.000195108331f;
  p = p * t + 0.00833213144f;
  p = p * t - 0.166666542f;
  return r + r * (t * p);
}

FLATMIN_INLINE float cosine_of(float r) {
  const float t = r * r;
  float p = 2.44311942e-05f;
  p = p * t - 0.00138873059f;
  p = p * t + 0.0416666457f;
  return 1.0f - (0.5f * t - p * (t * t));
}

FLATMIN_INLINE float sin_of(float x) {
  const Turned a = turned(x);
  const float y = a.quarter & 1 ? cosine_of(a.r) : sine_of(a.r);
  return a.quarter & 2 ? -y : y;
}

FLATMIN_INLINE float cos_of(float x) {
  const Turned a = turned(x);
  const float y = a.quarter & 1 ? sine_of(a.r) : cosine_of(a.r);
  return (a.quarter + 1) & 2 ? -y : y;
}

}  // namespace flatmin::kernels::region::FLATMIN_ISA
