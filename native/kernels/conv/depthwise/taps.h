// Which taps of a window an output position reads along one axis, and where: for the forward pass, and for the gradient with respect
// to the input, whose positions fall into as many phases as the stride is long.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

/// Output i reads tap index + t * index_step, for t in [0, count), at source position i * scale + first + t * step.
struct Taps {
  int64_t count, scale, first, step, index, index_step;

  static Taps forward(int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) { return {kernel, stride, -pad, dilation, 0, 1}; }

  /// Positions stride * i + phase of the input: of dy they read (stride * i + phase + pad - k * dilation) / stride, where that is whole.
  static Taps backward(int64_t kernel, int64_t stride, int64_t dilation, int64_t pad, int64_t phase) {
    Taps taps{0, 1, 0, 1, 0, 0};
    for (int64_t k = kernel - 1; k >= 0; k--) {
      const int64_t at = phase + pad - k * dilation;
      if (at % stride != 0) continue;
      if (taps.count == 0) taps.first = at / stride, taps.index = k;
      if (taps.count == 1) taps.step = at / stride - taps.first, taps.index_step = k - taps.index;
      taps.count++;
    }
    return taps;
  }

  int64_t last() const { return first + (count - 1) * step; }
};

}  // namespace flatmin::kernels::FLATMIN_ISA
