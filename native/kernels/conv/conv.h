#pragma once
#include <cstddef>
#include <cstdint>

namespace flatmin::kernels {

/// A two-dimensional convolution over NCHW float32 tensors; weights are [out, in / groups, kernel_h, kernel_w].
struct ConvShape {
  int64_t batch, in_channels, in_height, in_width, out_channels, kernel_h, kernel_w, stride_h, stride_w;
  int64_t pad_top, pad_left, pad_bottom, pad_right, groups, dilation_h, dilation_w;
  int64_t x_channels = in_channels, y_channels = out_channels;  // that lie in memory for an image: more, where this is a group of another
  int64_t out_height() const { return (in_height + pad_top + pad_bottom - (kernel_h - 1) * dilation_h - 1) / stride_h + 1; }
  int64_t out_width() const { return (in_width + pad_left + pad_right - (kernel_w - 1) * dilation_w - 1) / stride_w + 1; }
};

/// A thread pool: run(context, n, fn, arg) calls fn(arg, i) for each i in [0, n) and returns when all are done.
/// At most `threads` calls run at once. The kernels ask for at most `threads` calls per run.
struct Parallel {
  void* context;
  unsigned threads;
  void (*run)(void* context, size_t n, void (*fn)(void* arg, size_t i), void* arg);
};

/// Whether the kernels take this shape, whatever numbers it holds: positive sizes, channels that divide into the groups, pads not negative
/// and below the window's extent, output not empty, and nothing so large that sizes overflow. Its output's size may be asked for only then.
bool conv_supported(const ConvShape& shape);

/// y[N, O, OH, OW] = conv(x[N, I, H, W], w) + bias[O], which may be null. `scratch` holds conv_forward_scratch bytes, at 64-byte alignment.
size_t conv_forward_scratch(const ConvShape& shape, unsigned threads);
void conv_forward(const ConvShape& shape, const float* x, const float* w, const float* bias, float* y, void* scratch,
                  const Parallel& parallel);

/// dx[N, I, H, W] = gradient of sum(y * dy) with respect to x.
size_t conv_grad_input_scratch(const ConvShape& shape, unsigned threads);
void conv_grad_input(const ConvShape& shape, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel);

/// dw[O, I / groups, KH, KW] = gradient of sum(y * dy) with respect to w.
size_t conv_grad_weight_scratch(const ConvShape& shape, unsigned threads);
void conv_grad_weight(const ConvShape& shape, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel);

}  // namespace flatmin::kernels
