// The weight gradient: a vector of sums for each tap, over the rows of all images of a channel. Work is shared out by channels and, where
// these are few, by parts of the batch; both follow from the shape alone, and sums are added in order.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kLeastItems = 64;  // channels × parts, where the batch allows

struct DepthwiseGradWeight {
  DepthwisePlan plan;
  RowLayout dy;
  int64_t taps, groups, parts, part_groups;

  explicit DepthwiseGradWeight(const ConvShape& s) : plan(s, false) {
    dy = plan.result;
    taps = s.kernel_h * s.kernel_w;
    groups = plan.image_groups();
    part_groups = ceil_div(groups, min_of(groups, ceil_div(kLeastItems, s.out_channels)));
    parts = ceil_div(groups, part_groups);
  }
};

struct DepthwiseGradWeightArrays {
  float *partial, *source, *dy, *sums, *totals;
  ptrdiff_t* offsets;
};

static DepthwiseGradWeightArrays depthwise_grad_weight_arrays(const DepthwiseGradWeight& c, Carver& carver, int64_t workers, int64_t worker) {
  DepthwiseGradWeightArrays a;
  float* const partial = carver.take(c.parts * c.plan.d.out_channels * c.taps);
  for (int64_t i = 0; i < workers; i++) {
    float* source = carver.take(c.plan.source_rows() * c.plan.source.pitch());
    float* dy = carver.take(c.plan.block_rows * c.dy.pitch());
    float* sums = carver.take(c.taps * kLanes);
    float* totals = carver.take(c.taps * kLanes);
    float* offsets = carver.take(c.plan.d.kernel_w * int64_t(sizeof(ptrdiff_t) / sizeof(float)));
    if (i == worker) a = {partial, source, dy, sums, totals, reinterpret_cast<ptrdiff_t*>(offsets)};
  }
  return a;
}

static size_t depthwise_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  Carver carver{nullptr};
  depthwise_grad_weight_arrays(DepthwiseGradWeight(s), carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

static void depthwise_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  const DepthwiseGradWeight c(s);
  const DepthwisePlan& p = c.plan;
  const Depthwise& d = p.d;
  const Taps rows = d.rows(0), columns = d.columns(0);
  const int64_t in_plane = d.in_height * d.in_width, out_plane = d.out_height * d.out_width, pitch = p.source.pitch(), shared = tap_rows(rows);
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return depthwise_grad_weight_arrays(c, carver, parallel.threads, worker);
  };
  for_each_item(parallel, c.parts * d.out_channels, [&](int64_t item, int64_t worker) {
    const DepthwiseGradWeightArrays a = arrays(worker);
    const int64_t channel = item % d.out_channels, first_group = item / d.out_channels * c.part_groups;
    for (int64_t b = 0; b < columns.count; b++) a.offsets[b] = p.source.at(p.source.left + columns.first + b * columns.step);
    clear(a.totals, c.taps * kLanes);
    for (int64_t group = first_group; group < min_of(first_group + c.part_groups, c.groups); group++) {
      const int64_t image = group * p.images, images = min_of(p.images, d.batch - image);
      clear(a.sums, c.taps * kLanes);
      for (int64_t first = 0; first < d.out_height; first += p.block_rows) {
        const int64_t count = min_of(p.block_rows, d.out_height - first);
        fill_rows({x + (image * d.in_channels + channel / d.multiplier) * in_plane, d.in_channels * in_plane, d.in_height, d.in_width}, images,
                  first * rows.scale + p.row_first, (count - 1) * rows.scale + p.row_span, p.source, a.source);
        fill_rows({dy + (image * d.out_channels + channel) * out_plane, d.out_channels * out_plane, d.out_height, d.out_width}, images, first, count,
                  c.dy, a.dy);
        for (int64_t t = 0; t < rows.count; t += shared)
          run_tiles<ProductTile>(count, int(min_of(shared, rows.count - t)), shared == 1 ? 1 : rows.scale, [&](int64_t r) {
            const float* in = a.source + (rows.first - p.row_first + r * rows.scale + t * rows.step) * pitch;
            const ptrdiff_t tile_pitch = shared == 1 ? rows.scale * pitch : pitch;
            return ProductTile{{in, tile_pitch, a.offsets, columns.count}, a.dy + r * c.dy.pitch(), c.dy.pitch(), c.dy.phase_floats,
                               a.sums + t * d.kernel_w * kLanes};
          });
      }
      for (int64_t i = 0; i < c.taps * kLanes; i += kLanes) store(a.totals + i, load(a.totals + i) + load(a.sums + i));
    }
    // [chunk of tap rows][column][tap row of the chunk]
    float* const to = a.partial + item * c.taps;
    for (int64_t tap = 0; tap < c.taps; tap++) {
      const int64_t row = tap / d.kernel_w, chunk = row / shared * shared, height = min_of(shared, rows.count - chunk);
      const float* lanes = a.totals + (chunk * d.kernel_w + tap % d.kernel_w * height + row - chunk) * kLanes;
      float sum = 0;
      for (int lane = 0; lane < kLanes; lane++) sum += lanes[lane];
      to[tap] = sum;
    }
  });
  const float* const partial = arrays(0).partial;
  const int64_t count = d.out_channels * c.taps;
  for (int64_t i = 0; i < count; i++) {
    float sum = partial[i];
    for (int64_t part = 1; part < c.parts; part++) sum += partial[part * count + i];
    dw[i] = sum;
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
