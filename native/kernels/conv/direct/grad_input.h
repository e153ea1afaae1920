// The gradient with respect to the input: at stride 1 a convolution with turned weights; else each tap's product of a row of dy
// [pixel, out] and its weights [out, in] is added to the pixels of dx that the tap reads.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

struct DirectGradInput {
  ConvShape s;
  Weights weights;
  int64_t out_height, out_width, pixel;

  DirectGradInput(const ConvShape& shape, const float* w)
      : s(shape), weights(Weights::backward(shape, w)), out_height(shape.out_height()), out_width(shape.out_width()),
        pixel(round_up(shape.out_channels, kGroup)) {
    weights.turned = false;
  }
  static bool is_forward(const ConvShape& s) { return s.stride_h == 1 && s.stride_w == 1; }
  /// Rows from the first tap to the last.
  int64_t reach() const { return (s.kernel_h - 1) * s.dilation_h; }
  /// dy rows that `rows` rows of dx may read.
  int64_t dy_rows(int64_t rows) const { return min_of(out_height, (rows - 1 + reach()) / s.stride_h + 1); }
  /// Rows of dx of a block, all of one image.
  int64_t block_rows(unsigned threads) const {
    const int64_t fitting = (kBlockFloats / (out_width * pixel) - 1) * s.stride_h - reach() + 1;
    const int64_t shared = s.batch * s.in_height / (8 * int64_t(threads));
    return max_of(1, min_of(s.in_height, min_of(fitting, shared)));
  }
};

static DirectArrays direct_grad_input_arrays(const DirectGradInput& c, Carver& carver, int64_t workers, int64_t worker) {
  DirectArrays a;
  const int64_t rows = c.block_rows(unsigned(workers));
  a.weights = carver.take(c.weights.packed() * c.weights.panels());
  for (int64_t i = 0; i < workers; i++) {
    float* pixels = carver.take(c.dy_rows(rows) * c.out_width * c.pixel);
    float* out = carver.take(rows * c.s.in_width * kPanel);
    float* gathered = carver.take(c.weights.gathered(kPackChunk));
    if (i != worker) continue;
    a.pixels = pixels;
    a.out = out;
    a.gathered = gathered;
  }
  return a;
}

static size_t direct_grad_input_scratch(const ConvShape& s, unsigned threads) {
  if (DirectGradInput::is_forward(s)) return direct_scratch(Direct::grad_input(s, nullptr), threads);
  Carver carver{nullptr};
  direct_grad_input_arrays(DirectGradInput(s, nullptr), carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

static void direct_grad_input(const ConvShape& s, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel) {
  if (DirectGradInput::is_forward(s)) return direct_run(Direct::grad_input(s, w), dy, nullptr, dx, scratch, parallel);
  const DirectGradInput c(s, w);
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return direct_grad_input_arrays(c, carver, parallel.threads, worker);
  };
  pack_weights(c.weights, parallel, arrays);
  const int64_t rows = c.block_rows(parallel.threads), blocks = ceil_div(s.in_height, rows);
  const int64_t row_floats = c.out_width * c.pixel, out_row = s.in_width * kPanel;
  const int64_t parts = ceil_div(s.out_channels, kDepth), part = ceil_div(s.out_channels, parts);
  for_each_item(parallel, s.batch * blocks, [&](int64_t item, int64_t worker) {
    const DirectArrays a = arrays(worker);
    const int64_t image = item / blocks, first = item % blocks * rows, count = min_of(rows, s.in_height - first);
    const int64_t dy_first = max_of(0, ceil_div(max_of(0, first + s.pad_top - c.reach()), s.stride_h));
    const int64_t dy_end = min_of(c.out_height, (first + count - 1 + s.pad_top) / s.stride_h + 1);
    for (int64_t g = 0; g < s.out_channels && dy_first < dy_end; g += kGroup)
      planes_to_pixels(dy + ((image * s.y_channels + g) * c.out_height + dy_first) * c.out_width, c.out_height * c.out_width,
                       min_of(kGroup, s.out_channels - g), dy_end - dy_first, c.out_width, {a.pixels + g, row_floats, c.pixel});
    for (int64_t panel = 0; panel < c.weights.panels(); panel++) {
      const float* weights = a.weights + panel * c.weights.packed();
      for (int64_t i = 0; i < count * out_row; i += kLanes) store(a.out + i, Vec{});
      for (int64_t tap = 0; tap < c.weights.taps; tap++) {
        const int64_t kh = tap / s.kernel_w * s.dilation_h, kw = tap % s.kernel_w * s.dilation_w;
        // dy's columns whose tap reads inside the image.
        const int64_t begin = ceil_div(max_of(0, s.pad_left - kw), s.stride_w);
        const int64_t last = s.in_width - 1 + s.pad_left - kw;
        const int64_t end = last < 0 ? 0 : min_of(c.out_width, last / s.stride_w + 1);
        if (begin >= end) continue;
        for (int64_t k = 0; k < s.out_channels; k += part)
          for (int64_t r = 0; r < count; r++) {
            const int64_t top = first + r + s.pad_top - kh;
            if (top < 0 || top % s.stride_h != 0 || top / s.stride_h >= c.out_height) continue;
            product<true>({a.pixels + (top / s.stride_h - dy_first) * row_floats + begin * c.pixel + k, c.pixel,
                           weights + (tap * s.out_channels + k) * kPanel, kPanel,
                           a.out + r * out_row + (begin * s.stride_w + kw - s.pad_left) * kPanel, s.stride_w * kPanel,
                           min_of(part, s.out_channels - k), 1, nullptr, nullptr, true},
                          end - begin, c.weights.columns(panel));
          }
      }
      for (int64_t g = 0; g < c.weights.columns(panel); g += kGroup) {
        const int64_t channel = panel * kPanel + g, plane = s.in_height * s.in_width;
        pixels_to_planes({a.out + g, out_row, kPanel}, count, s.in_width,
                         dx + (image * s.x_channels + channel) * plane + first * s.in_width, plane, min_of(kGroup, s.in_channels - channel));
      }
    }
  });
}

}  // namespace flatmin::kernels::FLATMIN_ISA
