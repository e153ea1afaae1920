// The exponential function of a vector, and sums and maxima over its lanes.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

/// e^x within 2 units in the last place; 0 below -87 (where results are no longer normal numbers), e^88 above 88, NaN of NaN.
FLATMIN_INLINE Vec exp_of(Vec x) {
  const Vec least = splat(-87.0f), most = splat(88.0f), rounder = splat(12582912.0f);  // 1.5 * 2^23: sums with it are rounded to integers
  const Vec clamped = x > most ? most : x;
  const Vec shifted = fma(clamped, splat(1.44269504f), rounder);
  const Vec n = shifted - rounder;
  // ln 2 in two parts, the first of so few bits that n times it is exact.
  Vec r = fma(n, splat(-0.693145752f), clamped);
  r = fma(n, splat(-1.42860677e-6f), r);
  // Taylor's series: |r| <= ln(2)/2 leaves a relative error of 6e-9.
  Vec sum = splat(1.0f / 5040);
  sum = fma(sum, r, splat(1.0f / 720));
  sum = fma(sum, r, splat(1.0f / 120));
  sum = fma(sum, r, splat(1.0f / 24));
  sum = fma(sum, r, splat(1.0f / 6));
  sum = fma(sum, r, splat(0.5f));
  sum = fma(sum, r, splat(1.0f));
  sum = fma(sum, r, splat(1.0f));
  const VecIndex power = ((VecIndex)shifted - (VecIndex)rounder) << 23;
  const Vec result = (Vec)((VecIndex)sum + power);
  return x < least ? Vec{} : x == x ? result : x;
}

/// The larger one; of a NaN and a number, b.
FLATMIN_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }

FLATMIN_INLINE float sum_of_lanes(Vec v) {
  float lanes[kLanes];
  store(lanes, v);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

FLATMIN_INLINE float largest_lane(Vec v) {
  float lanes[kLanes];
  store(lanes, v);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
  return lanes[0];
}

}  // namespace flatmin::kernels::FLATMIN_ISA
