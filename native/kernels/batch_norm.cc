#include "batch_norm.h"

#include "../base/vectorize.h"
#include "channel.h"

namespace flatmin::kernels {

void batch_norm_forward(const BatchNormShape& shape, const float* x, const float* scale, const float* bias, float epsilon, bool relu,
                        float* y, float* mean, float* r, float* variance, const Parallel& parallel) {
  const Channel channel = {shape.batch, shape.positions, shape.channels * shape.positions};
  const double count = static_cast<double>(shape.batch * shape.positions);
  for_each_channel(parallel, shape.channels, [&](int64_t c) {
    const float* xs = x + c * shape.positions;
    mean[c] = static_cast<float>(sum_of(channel, xs) / count);
    variance[c] = static_cast<float>(sum_of_squares(channel, xs, mean[c]) / count);
    r[c] = inverse_deviation(variance[c], epsilon);
    const float a = scale[c] * r[c];
    affine(channel, xs, a, bias[c] - mean[c] * a, relu, y + c * shape.positions);
  });
}

void batch_norm_backward(const BatchNormShape& shape, const float* dy, const float* x, const float* scale, const float* bias,
                         const float* mean, const float* r, bool relu, const float* addend, float* dx, float* dscale, float* dbias,
                         const Parallel& parallel) {
  const Channel channel = {shape.batch, shape.positions, shape.channels * shape.positions};
  const double count = static_cast<double>(shape.batch * shape.positions);
  for_each_channel(parallel, shape.channels, [&](int64_t c) {
    const int64_t first = c * shape.positions;
    const float a = scale[c] * r[c], b = bias[c] - mean[c] * a;
    const GradientSums sums = gradient_sums(channel, dy + first, x + first, a, b, mean[c], relu);
    dbias[c] = static_cast<float>(sums.g);
    dscale[c] = static_cast<float>(sums.g_centred * r[c]);
    const float shift = static_cast<float>(a * sums.g / count);
    const float slope = static_cast<float>(a * r[c] * r[c] * sums.g_centred / count);
    input_gradient(channel, dy + first, x + first, a, b, shift, slope, mean[c], relu, addend ? addend + first : nullptr, dx + first);
  });
}

void running_norm_forward(const BatchNormShape& shape, const float* x, const float* scale, const float* bias, const float* mean,
                          const float* variance, float epsilon, bool relu, float* y, const Parallel& parallel) {
  const Channel channel = {shape.batch, shape.positions, shape.channels * shape.positions};
  for_each_channel(parallel, shape.channels, [&](int64_t c) {
    const int64_t first = c * shape.positions;
    const float a = scale[c] * inverse_deviation(variance[c], epsilon);
    affine(channel, x + first, a, bias[c] - mean[c] * a, relu, y + first);
  });
}

void running_norm_backward(const BatchNormShape& shape, const float* dy, const float* x, const float* scale, const float* bias,
                           const float* mean, const float* variance, float epsilon, bool relu, const float* addend, float* dx,
                           float* dscale, float* dbias, const Parallel& parallel) {
  const Channel channel = {shape.batch, shape.positions, shape.channels * shape.positions};
  for_each_channel(parallel, shape.channels, [&](int64_t c) {
    const int64_t first = c * shape.positions;
    const float r = inverse_deviation(variance[c], epsilon), a = scale[c] * r, b = bias[c] - mean[c] * a;
    const GradientSums sums =
        dx ? scaled_gradient(channel, dy + first, x + first, a, b, mean[c], relu, addend ? addend + first : nullptr, dx + first)
           : gradient_sums(channel, dy + first, x + first, a, b, mean[c], relu);
    if (dscale) dscale[c] = static_cast<float>(sums.g_centred * r);
    if (dbias) dbias[c] = static_cast<float>(sums.g);
  });
}

}  // namespace flatmin::kernels
