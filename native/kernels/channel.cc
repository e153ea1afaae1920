#include "channel.h"

#include "../base/vectorize.h"

namespace flatmin::kernels {
namespace {

constexpr int kLanes = 32;         // partial sums, a few vector registers wide
constexpr int64_t kFlush = 4096;   // elements after which float partial sums go to a double

FLATMIN_INLINE double drain(float* lanes) {
  double total = 0;
  for (int j = 0; j < kLanes; j++) {
    total += lanes[j];
    lanes[j] = 0;
  }
  return total;
}

// Σ term(i) over a channel, where term reads element i of each row.
template <class Term>
FLATMIN_INLINE double sum_channel(const Channel& channel, const Term& term) {
  float lanes[kLanes] = {};
  double total = 0;
  int64_t pending = 0;
  for (int64_t row = 0; row < channel.rows; row++) {
    const int64_t base = row * channel.stride;
    int64_t i = 0;
    for (; i + kLanes <= channel.length; i += kLanes) {
      for (int j = 0; j < kLanes; j++) lanes[j] += term(base + i + j);
    }
    for (int j = 0; i < channel.length; i++, j++) lanes[j] += term(base + i);
    pending += channel.length;
    if (pending >= kFlush) {
      total += drain(lanes);
      pending = 0;
    }
  }
  return total + drain(lanes);
}

// The forward pass's own expression, so that the mask is the forward pass's own.
FLATMIN_INLINE float passed(float dy, float x, float a, float b, bool relu) { return !relu || x * a + b > 0 ? dy : 0; }

template <bool Relu>
FLATMIN_INLINE GradientSums gradient_sums_of(const Channel& channel, const float* dy, const float* x, float a, float b, float mean) {
  float lanes[kLanes] = {}, centred[kLanes] = {};
  GradientSums total = {0, 0};
  int64_t pending = 0;
  for (int64_t row = 0; row < channel.rows; row++) {
    const float* dys = dy + row * channel.stride;
    const float* xs = x + row * channel.stride;
    int64_t i = 0;
    for (; i + kLanes <= channel.length; i += kLanes) {
      for (int j = 0; j < kLanes; j++) {
        const float g = passed(dys[i + j], xs[i + j], a, b, Relu);
        lanes[j] += g;
        centred[j] += g * (xs[i + j] - mean);
      }
    }
    for (int j = 0; i < channel.length; i++, j++) {
      const float g = passed(dys[i], xs[i], a, b, Relu);
      lanes[j] += g;
      centred[j] += g * (xs[i] - mean);
    }
    pending += channel.length;
    if (pending >= kFlush || row + 1 == channel.rows) {
      total.g += drain(lanes);
      total.g_centred += drain(centred);
      pending = 0;
    }
  }
  return total;
}

template <bool Relu, bool Addend>
FLATMIN_INLINE void input_gradient_of(const Channel& channel, const float* dy, const float* x, float a, float b, float shift, float slope,
                                      float mean, const float* addend, float* dx) {
  for (int64_t row = 0; row < channel.rows; row++) {
    const int64_t base = row * channel.stride;
    FLATMIN_INDEPENDENT
    for (int64_t i = base; i < base + channel.length; i++) {
      const float g = passed(dy[i], x[i], a, b, Relu);
      const float value = a * g - shift - (x[i] - mean) * slope;
      dx[i] = Addend ? value + addend[i] : value;
    }
  }
}

// dx = a·g [+ addend] and the sums of a channel in one pass.
template <bool Relu, bool Addend>
FLATMIN_INLINE GradientSums scaled_gradient_of(const Channel& channel, const float* dy, const float* x, float a, float b, float mean,
                                               const float* addend, float* __restrict dx) {
  float lanes[kLanes] = {}, centred[kLanes] = {};
  GradientSums total = {0, 0};
  int64_t pending = 0;
  for (int64_t row = 0; row < channel.rows; row++) {
    const int64_t base = row * channel.stride, end = base + channel.length;
    int64_t i = base;
    for (; i + kLanes <= end; i += kLanes) {
      for (int j = 0; j < kLanes; j++) {
        const float g = passed(dy[i + j], x[i + j], a, b, Relu);
        dx[i + j] = Addend ? a * g + addend[i + j] : a * g;
        lanes[j] += g;
        centred[j] += g * (x[i + j] - mean);
      }
    }
    for (int j = 0; i < end; i++, j++) {
      const float g = passed(dy[i], x[i], a, b, Relu);
      dx[i] = Addend ? a * g + addend[i] : a * g;
      lanes[j] += g;
      centred[j] += g * (x[i] - mean);
    }
    pending += channel.length;
    if (pending >= kFlush || row + 1 == channel.rows) {
      total.g += drain(lanes);
      total.g_centred += drain(centred);
      pending = 0;
    }
  }
  return total;
}

}  // namespace

FLATMIN_CLONES double sum_of(const Channel& channel, const float* x) {
  return sum_channel(channel, [=](int64_t i) { return x[i]; });
}

FLATMIN_CLONES double sum_of_squares(const Channel& channel, const float* x, float mean) {
  return sum_channel(channel, [=](int64_t i) {
    const float d = x[i] - mean;
    return d * d;
  });
}

FLATMIN_CLONES void affine(const Channel& channel, const float* x, float a, float b, bool relu, float* y) {
  for (int64_t row = 0; row < channel.rows; row++) {
    const float* from = x + row * channel.stride;
    float* to = y + row * channel.stride;
    if (relu) {
      FLATMIN_INDEPENDENT
      for (int64_t i = 0; i < channel.length; i++) {
        const float value = from[i] * a + b;
        to[i] = value < 0 ? 0 : value;
      }
    } else {
      FLATMIN_INDEPENDENT
      for (int64_t i = 0; i < channel.length; i++) to[i] = from[i] * a + b;
    }
  }
}

FLATMIN_CLONES GradientSums gradient_sums(const Channel& channel, const float* dy, const float* x, float a, float b, float mean, bool relu) {
  return relu ? gradient_sums_of<true>(channel, dy, x, a, b, mean) : gradient_sums_of<false>(channel, dy, x, a, b, mean);
}

FLATMIN_CLONES void input_gradient(const Channel& channel, const float* dy, const float* x, float a, float b, float shift, float slope,
                                   float mean, bool relu, const float* addend, float* dx) {
  if (relu && addend) return input_gradient_of<true, true>(channel, dy, x, a, b, shift, slope, mean, addend, dx);
  if (relu) return input_gradient_of<true, false>(channel, dy, x, a, b, shift, slope, mean, addend, dx);
  if (addend) return input_gradient_of<false, true>(channel, dy, x, a, b, shift, slope, mean, addend, dx);
  input_gradient_of<false, false>(channel, dy, x, a, b, shift, slope, mean, addend, dx);
}

FLATMIN_CLONES GradientSums scaled_gradient(const Channel& channel, const float* dy, const float* x, float a, float b, float mean,
                                            bool relu, const float* addend, float* dx) {
  if (relu && addend) return scaled_gradient_of<true, true>(channel, dy, x, a, b, mean, addend, dx);
  if (relu) return scaled_gradient_of<true, false>(channel, dy, x, a, b, mean, addend, dx);
  if (addend) return scaled_gradient_of<false, true>(channel, dy, x, a, b, mean, addend, dx);
  return scaled_gradient_of<false, false>(channel, dy, x, a, b, mean, addend, dx);
}

}  // namespace flatmin::kernels
