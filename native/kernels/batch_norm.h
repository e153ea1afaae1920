// Batch normalisation of N×C×P float32 tensors (P positions), with the ReLU behind it. Sums run in a fixed order, so results do not
// depend on the number of threads.
#pragma once
#include <cstdint>

#include "conv/conv.h"

namespace flatmin::kernels {

struct BatchNormShape {
  int64_t batch, channels, positions;
  bool operator==(const BatchNormShape&) const = default;
};

/// Statistics of the batch, and y = act(scale·(x − mean)·r + bias) with r = 1/√(var + epsilon); act is max(0, ·) or nothing.
/// mean, r and var (population variance) receive one value a channel.
void batch_norm_forward(const BatchNormShape& shape, const float* x, const float* scale, const float* bias, float epsilon, bool relu,
                        float* y, float* mean, float* r, float* variance, const Parallel& parallel);

/// Gradients of batch_norm_forward. With g = dy where the activation let y through, else 0, and M = N·P:
///   dbias = Σ g,  dscale = r·Σ g·(x − mean),  dx = scale·r·(g − dbias/M − (x − mean)·r·dscale/M) [+ addend]
/// `addend` may be null.
void batch_norm_backward(const BatchNormShape& shape, const float* dy, const float* x, const float* scale, const float* bias,
                         const float* mean, const float* r, bool relu, const float* addend, float* dx, float* dscale, float* dbias,
                         const Parallel& parallel);

/// y = act(scale·(x − mean)·r + bias) with given statistics, r = 1/√(variance + epsilon).
void running_norm_forward(const BatchNormShape& shape, const float* x, const float* scale, const float* bias, const float* mean,
                          const float* variance, float epsilon, bool relu, float* y, const Parallel& parallel);

/// Gradients of running_norm_forward, the statistics being constants. With g as above:
///   dbias = Σ g,  dscale = r·Σ g·(x − mean),  dx = scale·r·g [+ addend]
/// `addend` may be null, and so may each of the results.
void running_norm_backward(const BatchNormShape& shape, const float* dy, const float* x, const float* scale, const float* bias,
                           const float* mean, const float* variance, float epsilon, bool relu, const float* addend, float* dx,
                           float* dscale, float* dbias, const Parallel& parallel);

}  // namespace flatmin::kernels
