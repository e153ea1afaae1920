// Loops over one channel of an N×C×P float32 tensor. Sums go through double precision in a fixed order.
#pragma once

#include <cmath>
#include <cstdint>

#include "conv/conv.h"

namespace flatmin::kernels {

/// One channel of an N×C×P tensor: `rows` runs of `length` contiguous floats, `stride` apart.
struct Channel {
  int64_t rows, length, stride;
};

double sum_of(const Channel& channel, const float* x);
/// Σ (x − mean)²
double sum_of_squares(const Channel& channel, const float* x, float mean);

/// y = act(a·x + b), act being max(0, ·) or nothing.
void affine(const Channel& channel, const float* x, float a, float b, bool relu, float* y);

/// Σ g and Σ g·(x − mean), g = dy where act let a·x + b through, else 0.
struct GradientSums {
  double g, g_centred;
};
GradientSums gradient_sums(const Channel& channel, const float* dy, const float* x, float a, float b, float mean, bool relu);

/// dx = a·g − shift − (x − mean)·slope [+ addend]; dx may be dy.
void input_gradient(const Channel& channel, const float* dy, const float* x, float a, float b, float shift, float slope, float mean,
                    bool relu, const float* addend, float* dx);

/// dx = a·g [+ addend] and the sums in one pass.
GradientSums scaled_gradient(const Channel& channel, const float* dy, const float* x, float a, float b, float mean, bool relu,
                             const float* addend, float* dx);

inline float inverse_deviation(float variance, float epsilon) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(variance) + epsilon));
}

template <class Body>
void for_each_channel(const Parallel& parallel, int64_t channels, const Body& body) {
  parallel.run(
      parallel.context, static_cast<size_t>(channels),
      [](void* arg, size_t channel) { (*static_cast<const Body*>(arg))(static_cast<int64_t>(channel)); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace flatmin::kernels
