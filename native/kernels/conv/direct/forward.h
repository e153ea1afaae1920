// Direct convolution as products over taps: a row of output pixels [pixel, in] times a tap's weights [in, out], the pixels of
// a block of rows laid out channels last with their zero padding. Few channels lie close together, and a product takes a row of taps for
// one tap of many channels. Also the gradient with respect to the input at stride 1.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kBlockFloats = 96 << 10;  // channels-last input of a block of output rows, in L2
constexpr int64_t kMaxSegments = 16;        // taps, or rows of taps, of one product
constexpr int64_t kPackChunk = 16;          // in channels whose weights are packed at a time

struct Direct {
  int64_t batch, channels, height, width, out_height, out_width, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left;
  int64_t x_channels, y_channels;  // of an image in memory
  Weights weights;

  static Direct forward(const ConvShape& s, const float* w) {
    return {s.batch,    s.in_channels, s.in_height, s.in_width, s.out_height(), s.out_width(),        s.kernel_h,
            s.kernel_w, s.stride_h,    s.stride_w,  s.dilation_h, s.dilation_w, s.pad_top,            s.pad_left,
            s.x_channels, s.y_channels, Weights::forward(s, w)};
  }
  static Direct grad_input(const ConvShape& s, const float* w) {
    return {s.batch,    s.out_channels, s.out_height(), s.out_width(), s.in_height, s.in_width, s.kernel_h,
            s.kernel_w, 1,              1,              s.dilation_h,  s.dilation_w, (s.kernel_h - 1) * s.dilation_h - s.pad_top,
            (s.kernel_w - 1) * s.dilation_w - s.pad_left, s.y_channels, s.x_channels, Weights::backward(s, w)};
  }
  bool few() const { return channels <= kFewChannels; }
  int64_t pixel() const { return few() ? channels : round_up(channels, kGroup); }
  int64_t columns() const { return max_of((out_width - 1) * stride_w + (kernel_w - 1) * dilation_w + 1, left + width); }
  int64_t in_rows(int64_t rows) const { return (rows - 1) * stride_h + (kernel_h - 1) * dilation_h + 1; }
  int64_t row_floats() const { return columns() * pixel(); }
  /// What lies side by side in pixels and in weights: the channels of a tap, or of a row of taps.
  int64_t depth() const { return rows_of_taps() ? kernel_w * channels : channels; }
  int64_t depths() const { return rows_of_taps() ? kernel_h : kernel_h * kernel_w; }
  ptrdiff_t offset(int64_t i) const {
    const int64_t row = dilation_h * row_floats();
    return rows_of_taps() ? i * row : i / kernel_w * row + i % kernel_w * dilation_w * pixel();
  }
  bool rows_of_taps() const { return few() && dilation_w == 1; }
  /// Output rows of a block, all of one image.
  int64_t block_rows(unsigned threads) const {
    const int64_t fitting = (kBlockFloats / row_floats() - in_rows(1)) / stride_h + 1;
    const int64_t shared = batch * out_height / (8 * int64_t(threads));
    return max_of(1, min_of(out_height, min_of(fitting, shared)));
  }
};

struct DirectArrays {
  float *weights, *pixels, *out, *gathered;
};

static DirectArrays direct_arrays(const Direct& c, Carver& carver, int64_t workers, int64_t worker) {
  DirectArrays a;
  const int64_t rows = c.block_rows(unsigned(workers));
  a.weights = carver.take(c.weights.packed() * c.weights.panels());
  for (int64_t i = 0; i < workers; i++) {
    float* pixels = carver.take(c.in_rows(rows) * c.row_floats() + kGroup);
    float* out = carver.take(rows * c.out_width * kPanel);
    float* gathered = carver.take(c.weights.gathered(kPackChunk));
    if (i != worker) continue;
    a.pixels = pixels;
    a.out = out;
    a.gathered = gathered;
  }
  return a;
}

/// Packs all weights, shared out by panel and chunk of in channels.
template <class Arrays>
static void pack_weights(const Weights& w, const Parallel& parallel, const Arrays& arrays) {
  const int64_t chunks = ceil_div(w.in, kPackChunk);
  for_each_item(parallel, w.panels() * chunks, [&](int64_t item, int64_t worker) {
    const auto a = arrays(worker);
    const int64_t panel = item / chunks, first = item % chunks * kPackChunk;
    w.pack(panel, first, min_of(kPackChunk, w.in - first), a.gathered, a.weights + panel * w.packed());
  });
}

static size_t direct_scratch(const Direct& c, unsigned threads) {
  Carver carver{nullptr};
  direct_arrays(c, carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

static void direct_run(const Direct& c, const float* x, const float* bias, float* y, void* scratch, const Parallel& parallel) {
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return direct_arrays(c, carver, parallel.threads, worker);
  };
  pack_weights(c.weights, parallel, arrays);
  const int64_t rows = c.block_rows(parallel.threads), blocks = ceil_div(c.out_height, rows), depth = c.depth(), depths = c.depths();
  const int64_t pixel = c.pixel(), row_floats = c.row_floats();
  // A product takes several depths where they are small, else a part of one.
  const int64_t group = max_of(1, min_of(kMaxSegments, min_of(depths, kDepth / depth)));
  const int64_t parts = ceil_div(depth, kDepth), part = ceil_div(depth, parts);
  for_each_item(parallel, c.batch * blocks, [&](int64_t item, int64_t worker) {
    const DirectArrays a = arrays(worker);
    const int64_t image = item / blocks, first = item % blocks * rows, count = min_of(rows, c.out_height - first);
    for (int64_t g = 0; g < c.channels; g += kGroup)
      padded_pixels(x + (image * c.x_channels + g) * c.height * c.width, c.height, c.width, min_of(kGroup, c.channels - g),
                    first * c.stride_h - c.top, c.in_rows(count), c.left, c.columns(), {a.pixels + g, row_floats, pixel});
    for (int64_t panel = 0; panel < c.weights.panels(); panel++) {
      const float* weights = a.weights + panel * c.weights.packed();
      for (int64_t t = 0; t < depths; t += group) {
        ptrdiff_t pixel_offsets[kMaxSegments], weight_offsets[kMaxSegments];
        const int64_t segments = min_of(group, depths - t);
        for (int64_t i = 0; i < segments; i++) {
          pixel_offsets[i] = c.offset(t + i);
          weight_offsets[i] = (t + i) * depth * kPanel;
        }
        for (int64_t k = 0; k < depth; k += part)
          for (int64_t r = 0; r < count; r++)
            product<true>({a.pixels + r * c.stride_h * row_floats + k, c.stride_w * pixel, weights + k * kPanel, kPanel,
                           a.out + r * c.out_width * kPanel, kPanel, min_of(part, depth - k), segments, pixel_offsets,
                           weight_offsets, t > 0 || k > 0},
                          c.out_width, c.weights.columns(panel));
      }
      for (int64_t g = 0; g < c.weights.columns(panel); g += kGroup) {
        const int64_t channel = panel * kPanel + g, plane = c.out_height * c.out_width;
        pixels_to_planes({a.out + g, c.out_width * kPanel, kPanel}, count, c.out_width,
                         y + (image * c.y_channels + channel) * plane + first * c.out_width, plane,
                         min_of(kGroup, c.weights.out - channel), bias ? bias + channel : nullptr);
      }
    }
  });
}

static size_t direct_forward_scratch(const ConvShape& s, unsigned threads) { return direct_scratch(Direct::forward(s, nullptr), threads); }
static void direct_forward(const ConvShape& s, const float* x, const float* w, const float* bias, float* y, void* scratch,
                           const Parallel& parallel) {
  direct_run(Direct::forward(s, w), x, bias, y, scratch, parallel);
}

}  // namespace flatmin::kernels::FLATMIN_ISA
