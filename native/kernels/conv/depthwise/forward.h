// Each output plane is a sum, over the taps of a window, of shifted source planes: y of x, and dx of dy with the window turned, where at
// a stride each phase of dx reads the taps that reach it.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kRowFloats = 6 << 10;  // source rows of a block, in L1
constexpr int64_t kMostSideBySide = 16;  // images in a row of scratch

/// Images side by side, `image` floats apart of which `used` are results: as many as fill vectors best.
static int64_t side_by_side(int64_t images, int64_t image, int64_t used) {
  const auto vectors = [&](int64_t count) { return ceil_div((count - 1) * image + used, kLanes); };
  int64_t best = 1;
  for (int64_t count = 2; count <= min_of(images, kMostSideBySide) && used < kLanes; count++)
    if (vectors(count) * best < vectors(best) * count) best = count;
  return best;
}

/// Floats from an image to its neighbour in a row: without phases, the zeros between them serve both.
FLATMIN_INLINE int64_t image_pitch(int64_t width, int64_t left, int64_t right, int64_t phases, int64_t used) {
  return max_of(used, phases == 1 ? width + max_of(left, right) : ceil_div(left + width + right, phases));
}

/// Tap rows that share source rows in a tile: those that follow one another, at a scale that tiles are made for.
FLATMIN_INLINE int64_t tap_rows(const Taps& taps) {
  return taps.step == 1 && taps.scale <= kMostScale ? min_of(taps.count, kMostTaps) : 1;
}

struct Depthwise {
  int64_t batch, in_height, in_width, out_height, out_width;  // in: what is read
  int64_t in_channels, out_channels, multiplier, kernel_h, kernel_w;
  int64_t phases_h, phases_w;  // of the result
  bool backward;               // output planes are sums over the multiplier, too
  ConvShape s;

  Depthwise(const ConvShape& shape, bool is_backward) : backward(is_backward), s(shape) {
    multiplier = s.out_channels / s.in_channels;
    kernel_h = s.kernel_h, kernel_w = s.kernel_w, batch = s.batch;
    in_height = s.in_height, in_width = s.in_width, in_channels = s.in_channels;
    out_height = s.out_height(), out_width = s.out_width(), out_channels = s.out_channels;
    phases_h = phases_w = 1;
    if (!backward) return;
    std::swap(in_height, out_height), std::swap(in_width, out_width), std::swap(in_channels, out_channels);
    phases_h = s.stride_h, phases_w = s.stride_w;
  }
  Taps rows(int64_t phase) const {
    return backward ? Taps::backward(kernel_h, s.stride_h, s.dilation_h, s.pad_top, phase) : Taps::forward(kernel_h, s.stride_h, s.dilation_h, s.pad_top);
  }
  Taps columns(int64_t phase) const {
    return backward ? Taps::backward(kernel_w, s.stride_w, s.dilation_w, s.pad_left, phase) : Taps::forward(kernel_w, s.stride_w, s.dilation_w, s.pad_left);
  }
  /// Positions of a phase on an axis of the result.
  static int64_t positions(int64_t size, int64_t phases, int64_t phase) { return ceil_div(size - phase, phases); }
};

/// Where everything lies: derived from the shape alone.
struct DepthwisePlan {
  Depthwise d;
  RowLayout source, result;
  int64_t images, block_rows, row_span;  // row_span: source rows that one output row may read
  int64_t row_first;

  DepthwisePlan(const ConvShape& shape, bool backward) : d(shape, backward) {
    const int64_t phases = d.columns(0).scale;
    // A phase may have no taps; then its extent is arbitrary, and harmless.
    int64_t first = 0, last = 0;
    const int64_t used = Depthwise::positions(d.out_width, d.phases_w, 0);
    for (int64_t p = 0; p < min_of(d.phases_w, d.out_width); p++) {
      const Taps taps = d.columns(p);
      if (taps.count == 0) continue;
      first = min_of(first, taps.first);
      last = max_of(last, (used - 1) * taps.scale + taps.last());
    }
    source.left = -first;
    source.width = d.in_width;
    source.phases = phases;
    source.image_floats = image_pitch(d.in_width, source.left, max_of(0, last + 1 - d.in_width), phases, used);
    images = side_by_side(d.batch, source.image_floats, used);
    result = {0, d.out_width, d.phases_w, 0, source.image_floats};
    result.phase_floats = round_up((images - 1) * source.image_floats + used, kLanes);
    const int64_t reach = ceil_div(source.left + max_of(last + 1, d.in_width), phases);
    source.phase_floats = round_up((images - 1) * source.image_floats + reach, kLanes) + kLanes;
    row_first = 0;
    int64_t row_last = 0;
    for (int64_t p = 0; p < min_of(d.phases_h, d.out_height); p++) {
      const Taps taps = d.rows(p);
      if (taps.count == 0) continue;
      row_first = min_of(row_first, taps.first);
      row_last = max_of(row_last, taps.last());
    }
    row_span = row_last - row_first + 1;
    const int64_t scale = d.rows(0).scale;
    block_rows = max_of(1, min_of(Depthwise::positions(d.out_height, d.phases_h, 0), (kRowFloats / source.pitch() - row_span) / scale + 1));
  }
  int64_t blocks() const { return ceil_div(Depthwise::positions(d.out_height, d.phases_h, 0), block_rows); }
  int64_t image_groups() const { return ceil_div(d.batch, images); }
  int64_t source_rows() const { return (block_rows - 1) * d.rows(0).scale + row_span; }
  /// Whether tiles write the result where it belongs.
  bool in_place() const { return images == 1 && d.phases_w == 1; }
};

struct DepthwiseArrays {
  float *source, *result, *weights;
  ptrdiff_t* offsets;
};

static DepthwiseArrays depthwise_arrays(const DepthwisePlan& p, Carver& carver, int64_t workers, int64_t worker) {
  DepthwiseArrays a;
  for (int64_t i = 0; i < workers; i++) {
    float* source = carver.take(p.source_rows() * p.source.pitch());
    float* result = carver.take(p.in_place() ? 0 : p.block_rows * p.result.pitch());
    float* weights = carver.take(p.d.kernel_h * p.d.kernel_w);
    float* offsets = carver.take(p.d.kernel_w * int64_t(sizeof(ptrdiff_t) / sizeof(float)));
    if (i == worker) a = {source, result, weights, reinterpret_cast<ptrdiff_t*>(offsets)};
  }
  return a;
}

static size_t depthwise_scratch(const DepthwisePlan& p, unsigned threads) {
  Carver carver{nullptr};
  depthwise_arrays(p, carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

/// Adds one source plane's taps to `count` rows of a phase of the result, at out.
static void depthwise_phase(const DepthwisePlan& p, const DepthwiseArrays& a, const float* w, const Taps& rows, const Taps& columns,
                            int64_t count, int64_t offset_row, float* out, ptrdiff_t out_pitch, int64_t width, float start, bool accumulate) {
  const ptrdiff_t pitch = p.source.pitch();
  for (int64_t b = 0; b < columns.count; b++) a.offsets[b] = p.source.at(p.source.left + columns.first + b * columns.step);
  const int64_t shared = tap_rows(rows), scale = shared == 1 ? 1 : rows.scale;
  if (rows.count == 0 || columns.count == 0) {
    for (int64_t r = 0; r < count && !accumulate; r++) clear(out + r * out_pitch, width);
    return;
  }
  for (int64_t t = 0; t < rows.count; t += shared) {
    const int64_t taps = min_of(shared, rows.count - t);
    for (int64_t b = 0; b < columns.count; b++)
      for (int64_t k = 0; k < taps; k++)
        a.weights[b * taps + k] = w[(rows.index + (t + k) * rows.index_step) * p.d.kernel_w + columns.index + b * columns.index_step];
    run_tiles<SumTile>(count, int(taps), scale, [&](int64_t r) {
      const float* in = a.source + (offset_row + r * rows.scale + t * rows.step) * pitch;
      const ptrdiff_t tile_pitch = shared == 1 ? rows.scale * pitch : pitch;
      return SumTile{{in, tile_pitch, a.offsets, columns.count}, a.weights, out + r * out_pitch, out_pitch, width, start, accumulate || t > 0};
    });
  }
}

/// `bias` may be null.
static void depthwise_run(const ConvShape& s, bool backward, const float* from, const float* w, const float* bias, float* to, void* scratch,
                          const Parallel& parallel) {
  const DepthwisePlan p(s, backward);
  const Depthwise& d = p.d;
  const int64_t taps = d.kernel_h * d.kernel_w, in_plane = d.in_height * d.in_width, out_plane = d.out_height * d.out_width;
  const int64_t sources = d.backward ? d.multiplier : 1;
  for_each_item(parallel, p.image_groups() * d.out_channels * p.blocks(), [&](int64_t item, int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    const DepthwiseArrays a = depthwise_arrays(p, carver, parallel.threads, worker);
    const int64_t block = item % p.blocks(), channel = item / p.blocks() % d.out_channels, image = item / p.blocks() / d.out_channels * p.images;
    const int64_t images = min_of(p.images, d.batch - image), first = block * p.block_rows;
    const int64_t scale = d.rows(0).scale, source_first = first * scale + p.row_first;
    float* const planes = to + (image * d.out_channels + channel) * out_plane;
    const int64_t rows = min_of(p.block_rows, Depthwise::positions(d.out_height, d.phases_h, 0) - first);
    const int64_t out_pitch = d.phases_h * d.out_width;
    const float start = bias ? bias[channel] : 0;
    for (int64_t ph = 0; ph < min_of(d.phases_h, d.out_height); ph++) {
      const Taps tap_rows = d.rows(ph);
      const int64_t count = min_of(rows, Depthwise::positions(d.out_height, d.phases_h, ph) - first), offset_row = tap_rows.first - p.row_first;
      float* const out = planes + (first * d.phases_h + ph) * d.out_width;
      for (int64_t m = 0; m < sources; m++) {
        const int64_t source = d.backward ? channel * sources + m : channel / d.multiplier;
        const float* weights = w + (d.backward ? source : channel) * taps;
        if (ph == 0 || sources > 1)
          fill_rows({from + (image * d.in_channels + source) * in_plane, d.in_channels * in_plane, d.in_height, d.in_width}, images,
                    source_first, (rows - 1) * scale + p.row_span, p.source, a.source);
        if (p.in_place()) {
          depthwise_phase(p, a, weights, tap_rows, d.columns(0), count, offset_row, out, out_pitch, d.out_width, start, m > 0);
          continue;
        }
        for (int64_t pw = 0; pw < min_of(d.phases_w, d.out_width); pw++)
          depthwise_phase(p, a, weights, tap_rows, d.columns(pw), count, offset_row, a.result + pw * p.result.phase_floats, p.result.pitch(),
                          p.result.phase_floats, start, m > 0);
      }
      if (p.in_place()) continue;
      for (int64_t g = 0; g < images; g++)
        for (int64_t r = 0; r < count; r++)
          p.result.read(a.result + r * p.result.pitch() + g * p.result.image_floats, out + g * d.out_channels * out_plane + r * out_pitch);
    }
  });
}

static size_t depthwise_forward_scratch(const ConvShape& s, unsigned threads) { return depthwise_scratch(DepthwisePlan(s, false), threads); }
static void depthwise_forward(const ConvShape& s, const float* x, const float* w, const float* bias, float* y, void* scratch,
                              const Parallel& parallel) {
  depthwise_run(s, false, x, w, bias, y, scratch, parallel);
}

static size_t depthwise_grad_input_scratch(const ConvShape& s, unsigned threads) { return depthwise_scratch(DepthwisePlan(s, true), threads); }
static void depthwise_grad_input(const ConvShape& s, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel) {
  depthwise_run(s, true, dy, w, nullptr, dx, scratch, parallel);
}

}  // namespace flatmin::kernels::FLATMIN_ISA
