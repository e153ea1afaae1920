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
  ConvShape s;
  bool backward;  // dx of dy instead of y of x: planes of dx are sums over the multiplier, too
  int64_t multiplier, in_channels, in_height, in_width, out_channels, out_height, out_width;  // in: what is read
  int64_t phases_h, phases_w;                                                                 // of the result

  Depthwise(const ConvShape& shape, bool is_backward) : s(shape), backward(is_backward), multiplier(s.out_channels / s.in_channels) {
    in_channels = s.in_channels, in_height = s.in_height, in_width = s.in_width;
    out_channels = s.out_channels, out_height = s.out_height(), out_width = s.out_width();
    phases_h = phases_w = 1;
    if (backward) {
      std::swap(in_channels, out_channels), std::swap(in_height, out_height), std::swap(in_width, out_width);
      phases_h = min_of(s.stride_h, out_height), phases_w = min_of(s.stride_w, out_width);
    }
    for (int64_t i = 0; i < kKnownPhases; i++) known_rows[i] = find_rows(i), known_columns[i] = find_columns(i);
  }
  Taps rows(int64_t phase) const { return phase < kKnownPhases ? known_rows[phase] : find_rows(phase); }
  Taps columns(int64_t phase) const { return phase < kKnownPhases ? known_columns[phase] : find_columns(phase); }
  /// Positions of a phase on an axis of the result.
  int64_t rows_of(int64_t phase) const { return backward ? ceil_div(out_height - phase, s.stride_h) : out_height; }
  int64_t columns_of(int64_t phase) const { return backward ? ceil_div(out_width - phase, s.stride_w) : out_width; }

 private:
  static constexpr int64_t kKnownPhases = 2;
  Taps known_rows[kKnownPhases], known_columns[kKnownPhases];
  Taps find_rows(int64_t phase) const {
    return backward ? Taps::backward(s.kernel_h, s.stride_h, s.dilation_h, s.pad_top, phase)
                    : Taps::forward(s.kernel_h, s.stride_h, s.dilation_h, s.pad_top);
  }
  Taps find_columns(int64_t phase) const {
    return backward ? Taps::backward(s.kernel_w, s.stride_w, s.dilation_w, s.pad_left, phase)
                    : Taps::forward(s.kernel_w, s.stride_w, s.dilation_w, s.pad_left);
  }
};

/// Where everything lies: derived from the shape alone.
struct DepthwisePlan {
  Depthwise d;
  RowLayout source, result;
  int64_t images, image_groups;                       // side by side, and how many such
  int64_t row_first, row_span;                        // source rows that output row 0 may read
  int64_t block_rows, blocks, scale;                  // rows of a phase of the result; scale: source rows from one to the next
  int64_t source_floats, result_floats, offset_floats;  // scratch of a worker
  bool in_place;                                      // tiles write the result where it belongs

  DepthwisePlan(const ConvShape& shape, bool backward) : d(shape, backward) {
    // Phases may have no taps.
    int64_t first = 0, last = 0;
    const int64_t used = d.columns_of(0), phases = d.columns(0).scale;
    for (int64_t p = 0; p < d.phases_w; p++) {
      const Taps taps = d.columns(p);
      if (taps.count == 0) continue;
      first = min_of(first, taps.first);
      last = max_of(last, (used - 1) * taps.scale + taps.last());
    }
    const int64_t left = -first, image_floats = image_pitch(d.in_width, left, max_of(0, last + 1 - d.in_width), phases, used);
    images = side_by_side(d.s.batch, image_floats, used);
    image_groups = ceil_div(d.s.batch, images);
    const int64_t before = (images - 1) * image_floats, reach = ceil_div(left + max_of(last + 1, d.in_width), phases);
    source = {left, d.in_width, phases, round_up(before + reach, kLanes) + kLanes, images, image_floats};
    result = {0, d.out_width, backward ? d.s.stride_w : 1, round_up(before + used, kLanes), images, image_floats};
    in_place = images == 1 && result.phases == 1;
    row_first = 0;
    int64_t row_last = 0;
    for (int64_t p = 0; p < d.phases_h; p++) {
      const Taps taps = d.rows(p);
      if (taps.count == 0) continue;
      row_first = min_of(row_first, taps.first);
      row_last = max_of(row_last, taps.last());
    }
    row_span = row_last - row_first + 1;
    scale = d.rows(0).scale;
    block_rows = max_of(1, min_of(d.rows_of(0), (kRowFloats / source.pitch() - row_span) / scale + 1));
    blocks = ceil_div(d.rows_of(0), block_rows);
    source_floats = round_up(((block_rows - 1) * scale + row_span) * source.pitch() + kLanes, kGroup);
    result_floats = round_up(block_rows * result.pitch() + kLanes, kGroup);
    offset_floats = round_up(d.s.kernel_w * int64_t(sizeof(ptrdiff_t) / sizeof(float)), kGroup);
  }
  void tap_offsets(const Taps& columns, ptrdiff_t* offsets) const {
    for (int64_t b = 0; b < columns.count; b++) offsets[b] = source.at(source.left + columns.first + b * columns.step);
  }
};

static size_t depthwise_scratch(const DepthwisePlan& p, unsigned threads) {
  return size_t(p.source_floats + p.result_floats + p.offset_floats) * threads * sizeof(float);
}

/// Adds one source plane's taps to `count` rows of a phase of the result, at out. `source` holds row `row_first` of the plan first.
static void depthwise_phase(const DepthwisePlan& p, const float* source, ptrdiff_t* offsets, const float* w, const Taps& rows, const Taps& columns,
                            int64_t count, float* out, ptrdiff_t out_pitch, int64_t width, float start, bool accumulate) {
  if (rows.count == 0 || columns.count == 0) {
    for (int64_t r = 0; r < count && !accumulate; r++)
      for (int64_t i = 0; i < width; i += kLanes) store_up_to(out + r * out_pitch + i, splat(start), width - i);
    return;
  }
  p.tap_offsets(columns, offsets);
  const int64_t shared = tap_rows(rows), kernel_w = p.d.s.kernel_w;
  const ptrdiff_t pitch = p.source.pitch(), tile_pitch = shared == 1 ? rows.scale * pitch : pitch;
  for (int64_t t = 0; t < rows.count; t += shared) {
    const float* const weights = w + (rows.index + t * rows.index_step) * kernel_w + columns.index;
    run_tiles<SumTile>(count, int(min_of(shared, rows.count - t)), shared == 1 ? 1 : rows.scale, [&](int64_t r) {
      const float* in = source + (rows.first - p.row_first + r * rows.scale + t * rows.step) * pitch;
      return SumTile{{in, tile_pitch, offsets, columns.count}, weights,   rows.index_step * kernel_w, columns.index_step,
                     out + r * out_pitch,                      out_pitch, width,                      start,
                     accumulate || t > 0};
    });
  }
}

/// `bias` may be null.
static void depthwise_run(const ConvShape& s, bool backward, const float* from, const float* w, const float* bias, float* to, void* scratch,
                          const Parallel& parallel) {
  const DepthwisePlan p(s, backward);
  const Depthwise& d = p.d;
  const int64_t taps = s.kernel_h * s.kernel_w, in_plane = d.in_height * d.in_width, out_plane = d.out_height * d.out_width;
  const int64_t sources = backward ? d.multiplier : 1, own_floats = p.source_floats + p.result_floats + p.offset_floats;
  clear(static_cast<float*>(scratch), own_floats * parallel.threads);
  for_each_item(parallel, p.image_groups * d.out_channels * p.blocks, [&](int64_t item, int64_t worker) {
    float* const source = static_cast<float*>(scratch) + worker * own_floats;
    float* const staged = source + p.source_floats;
    auto* const offsets = reinterpret_cast<ptrdiff_t*>(staged + p.result_floats);
    const int64_t first = item % p.blocks * p.block_rows, plane = item / p.blocks, channel = plane % d.out_channels;
    const int64_t image = plane / d.out_channels * p.images, images = min_of(p.images, s.batch - image);
    const int64_t most_rows = min_of(p.block_rows, d.rows_of(0) - first), out_pitch = (backward ? s.stride_h : 1) * d.out_width;
    const float start = bias ? bias[channel] : 0;
    for (int64_t ph = 0; ph < d.phases_h; ph++) {
      const Taps rows = d.rows(ph);
      const int64_t count = min_of(most_rows, d.rows_of(ph) - first);
      float* const out = to + (image * d.out_channels + channel) * out_plane + first * out_pitch + ph * d.out_width;
      for (int64_t m = 0; m < sources; m++) {
        const int64_t from_channel = backward ? channel * sources + m : channel / d.multiplier;
        const float* const weights = w + (backward ? from_channel : channel) * taps;
        if (ph == 0 || sources > 1)
          fill_rows({from + (image * d.in_channels + from_channel) * in_plane, d.in_channels * in_plane, d.in_height, d.in_width}, images,
                    first * p.scale + p.row_first, (most_rows - 1) * p.scale + p.row_span, p.source, source);
        for (int64_t pw = 0; pw < d.phases_w; pw++) {
          float* const sums = p.in_place ? out : staged + pw * p.result.phase_floats;
          depthwise_phase(p, source, offsets, weights, rows, d.columns(pw), count, sums, p.in_place ? out_pitch : p.result.pitch(),
                          p.in_place ? d.out_width : p.result.phase_floats, start, m > 0);
        }
      }
      if (p.in_place) continue;
      for (int64_t g = 0; g < images; g++)
        for (int64_t r = 0; r < count; r++)
          p.result.read(staged + r * p.result.pitch() + g * p.result.image_floats, out + g * d.out_channels * out_plane + r * out_pitch);
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
