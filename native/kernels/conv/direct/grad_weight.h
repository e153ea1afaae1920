// The weight gradient as products over pixels: for each tap, dy [out, pixel] times x [pixel, in], both channels last for a block of
// output rows. Work is shared out by blocks of channels and, where these are few, by parts of the batch, summed in order; both follow from
// the shape alone. Few channels lie close together, and a product takes a row of taps.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kBlockPixels = 128;   // output pixels whose x and dy stay near L1
constexpr int64_t kFewFloats = 16 << 10;  // x of few channels, of a block of output rows
constexpr int64_t kLeastProducts = 16;  // blocks of channels × parts, where the batch allows

struct DirectGradWeight {
  ConvShape s;
  bool few;
  int64_t out_height, out_width, depths, depth, out_block, in_panels, out_blocks, items, parts, part_images;  // depth: of x in a product
  int64_t columns, pixel, pixel_rows, sum_floats;

  explicit DirectGradWeight(const ConvShape& shape) : s(shape), few(s.in_channels <= kFewChannels && s.dilation_w == 1), out_height(shape.out_height()), out_width(shape.out_width()) {
    depths = few ? s.kernel_h : s.kernel_h * s.kernel_w;
    depth = few ? round_up(s.kernel_w * s.in_channels, kGroup) : kPanel;
    pixel = few ? s.in_channels : kPanel;
    out_block = min_of(4 * kPanel, round_up(s.out_channels, kGroup));
    in_panels = few ? 1 : ceil_div(s.in_channels, kPanel);
    out_blocks = ceil_div(s.out_channels, out_block);
    items = in_panels * out_blocks;
    part_images = ceil_div(s.batch, min_of(s.batch, ceil_div(kLeastProducts, items)));
    parts = ceil_div(s.batch, part_images);
    columns = max_of((out_width - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1, s.pad_left + s.in_width);
    pixel_rows = max_of(1, min_of(out_height, kBlockPixels / out_width));
    if (few) pixel_rows = max_of(1, min_of(pixel_rows, (kFewFloats / (columns * pixel) - in_rows(1)) / s.stride_h + 1));
    sum_floats = depths * out_block * depth;
  }
  ptrdiff_t offset(int64_t i) const {
    const int64_t row = s.dilation_h * columns * pixel;
    return few ? i * row : i / s.kernel_w * row + i % s.kernel_w * s.dilation_w * pixel;
  }
  /// Where the sum of an in channel of a panel and a tap is, for the first out channel.
  int64_t sum(int64_t in, int64_t tap) const {
    return few ? tap / s.kernel_w * out_block * depth + tap % s.kernel_w * s.in_channels + in : tap * out_block * depth + in;
  }
  int64_t in_rows(int64_t rows) const { return (rows - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1; }
};

struct DirectGradWeightArrays {
  float *sums, *x, *dy;
  ptrdiff_t *x_offsets, *dy_offsets;
};

static DirectGradWeightArrays direct_grad_weight_arrays(const DirectGradWeight& c, Carver& carver, int64_t workers, int64_t worker) {
  DirectGradWeightArrays a;
  a.sums = carver.take(c.parts * c.items * c.sum_floats);
  for (int64_t i = 0; i < workers; i++) {
    float* x = carver.take(c.in_rows(c.pixel_rows) * c.columns * c.pixel + c.depth);
    float* dy = carver.take(c.pixel_rows * c.out_width * c.out_block);
    float* offsets = carver.take(2 * c.pixel_rows * int64_t(sizeof(ptrdiff_t) / sizeof(float)));
    if (i != worker) continue;
    a.x = x;
    a.dy = dy;
    a.x_offsets = reinterpret_cast<ptrdiff_t*>(offsets);
    a.dy_offsets = a.x_offsets + c.pixel_rows;
  }
  return a;
}

static size_t direct_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  Carver carver{nullptr};
  direct_grad_weight_arrays(DirectGradWeight(s), carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

static void direct_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  const DirectGradWeight c(s);
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return direct_grad_weight_arrays(c, carver, parallel.threads, worker);
  };
  for_each_item(parallel, c.parts * c.items, [&](int64_t item, int64_t worker) {
    const DirectGradWeightArrays a = arrays(worker);
    const int64_t in = item % c.items / c.out_blocks * kPanel, out = item % c.out_blocks * c.out_block;
    const int64_t ins = min_of(kPanel, s.in_channels - in), outs = min_of(c.out_block, s.out_channels - out);
    const int64_t first_image = item / c.items * c.part_images, end_image = min_of(first_image + c.part_images, s.batch);
    const int64_t x_row = c.columns * c.pixel, dy_row = c.out_width * c.out_block;
    for (int64_t r = 0; r < c.pixel_rows; r++) {
      a.x_offsets[r] = r * s.stride_h * x_row;
      a.dy_offsets[r] = r * dy_row;
    }
    float* sums = a.sums + item * c.sum_floats;
    bool accumulate = false;
    for (int64_t image = first_image; image < end_image; image++)
      for (int64_t row = 0; row < c.out_height; row += c.pixel_rows) {
        const int64_t rows = min_of(c.pixel_rows, c.out_height - row);
        for (int64_t g = 0; g < ins; g += kGroup)
          padded_pixels(x + (image * s.x_channels + in + g) * s.in_height * s.in_width, s.in_height, s.in_width, min_of(kGroup, ins - g),
                        row * s.stride_h - s.pad_top, c.in_rows(rows), s.pad_left, c.columns, {a.x + g, x_row, c.pixel});
        for (int64_t g = 0; g < outs; g += kGroup)
          planes_to_pixels(dy + ((image * s.y_channels + out + g) * c.out_height + row) * c.out_width, c.out_height * c.out_width,
                           min_of(kGroup, outs - g), rows, c.out_width, {a.dy + g, dy_row, c.out_block});
        for (int64_t i = 0; i < c.depths; i++)
          product<false>({a.dy, c.out_block, a.x + c.offset(i), s.stride_w * c.pixel, sums + i * c.out_block * c.depth, c.depth, c.out_width,
                          rows, a.dy_offsets, a.x_offsets, accumulate},
                         outs, c.few ? c.depth : round_up(ins, kGroup));
        accumulate = true;
      }
  });
  const int64_t taps = s.kernel_h * s.kernel_w;
  for_each_item(parallel, s.out_channels, [&](int64_t o, int64_t) {
    const float* first = arrays(0).sums + o / c.out_block * c.sum_floats + o % c.out_block * c.depth;
    for (int64_t i = 0; i < s.in_channels; i++)
      for (int64_t tap = 0; tap < taps; tap++) {
        const float* sum = first + i / kPanel * c.out_blocks * c.sum_floats + c.sum(i % kPanel, tap);
        float total = sum[0];
        for (int64_t part = 1; part < c.parts; part++) total += sum[part * c.items * c.sum_floats];
        dw[(o * s.in_channels + i) * taps + tap] = total;
      }
  });
}

}  // namespace flatmin::kernels::FLATMIN_ISA
