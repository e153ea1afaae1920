// The weight gradient: a vector of sums for each tap, over the rows of all images of a channel. Work is shared out by blocks of channels,
// which are neighbours in memory, and, where these are few, by parts of the batch; both follow from the shape alone, and sums are added in
// order.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kLeastItems = 64;  // blocks of channels × parts, where the batch allows
constexpr int64_t kChannelBlock = 8;

struct DepthwiseGradWeight {
  DepthwisePlan plan;
  int64_t taps, blocks, parts, part_groups, sum_floats, own_floats;

  explicit DepthwiseGradWeight(const ConvShape& s) : plan(s, false), taps(s.kernel_h * s.kernel_w) {
    blocks = ceil_div(s.out_channels, kChannelBlock);
    part_groups = ceil_div(plan.image_groups, min_of(plan.image_groups, ceil_div(kLeastItems, blocks)));
    parts = ceil_div(plan.image_groups, part_groups);
    sum_floats = round_up(taps * kLanes, kGroup);
    own_floats = plan.source_floats + plan.result_floats + (1 + kChannelBlock) * sum_floats + plan.offset_floats;
  }
  int64_t partial_floats() const { return round_up(parts * plan.d.out_channels * taps, kGroup); }
};

static size_t depthwise_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  const DepthwiseGradWeight c(s);
  return size_t(c.partial_floats() + c.own_floats * threads) * sizeof(float);
}

static void depthwise_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  const DepthwiseGradWeight c(s);
  const DepthwisePlan& p = c.plan;
  const Depthwise& d = p.d;
  const Taps rows = d.rows(0), columns = d.columns(0);
  const int64_t in_plane = d.in_height * d.in_width, out_plane = d.out_height * d.out_width, shared = tap_rows(rows);
  const ptrdiff_t pitch = p.source.pitch(), tile_pitch = shared == 1 ? rows.scale * pitch : pitch;
  float* const partial = static_cast<float*>(scratch);
  float* const own = partial + c.partial_floats();
  clear(own, c.own_floats * parallel.threads);
  for_each_item(parallel, c.parts * c.blocks, [&](int64_t item, int64_t worker) {
    float* const source = own + worker * c.own_floats;
    float* const dy_rows = source + p.source_floats;
    float* const sums = dy_rows + p.result_floats;
    float* const totals = sums + c.sum_floats;
    auto* const offsets = reinterpret_cast<ptrdiff_t*>(totals + kChannelBlock * c.sum_floats);
    const int64_t first_channel = item % c.blocks * kChannelBlock, channels = min_of(kChannelBlock, d.out_channels - first_channel);
    const int64_t part = item / c.blocks, first_group = part * c.part_groups;
    const int64_t steps = (min_of(first_group + c.part_groups, p.image_groups) - first_group) * channels;
    p.tap_offsets(columns, offsets);
    clear(totals, channels * c.sum_floats);
    for (int64_t step = 0; step < steps; step++) {
      const int64_t of_block = step % channels, channel = first_channel + of_block;
      const int64_t image = (first_group + step / channels) * p.images, images = min_of(p.images, s.batch - image);
      const ChannelPlanes x_planes{x + (image * d.in_channels + channel / d.multiplier) * in_plane, d.in_channels * in_plane, d.in_height, d.in_width};
      const ChannelPlanes dy_planes{dy + (image * d.out_channels + channel) * out_plane, d.out_channels * out_plane, d.out_height, d.out_width};
      clear(sums, c.sum_floats);
      for (int64_t first = 0; first < d.out_height; first += p.block_rows) {
        const int64_t count = min_of(p.block_rows, d.out_height - first);
        fill_rows(x_planes, images, first * p.scale + p.row_first, (count - 1) * p.scale + p.row_span, p.source, source);
        fill_rows(dy_planes, images, first, count, p.result, dy_rows);
        for (int64_t t = 0; t < rows.count; t += shared)
          run_tiles<ProductTile>(count, int(min_of(shared, rows.count - t)), shared == 1 ? 1 : rows.scale, [&](int64_t r) {
            const float* in = source + (rows.first - p.row_first + r * rows.scale + t * rows.step) * pitch;
            return ProductTile{{in, tile_pitch, offsets, columns.count},
                               dy_rows + r * p.result.pitch(),
                               p.result.pitch(),
                               p.result.phase_floats,
                               sums + t * s.kernel_w * kLanes};
          });
      }
      float* const total = totals + of_block * c.sum_floats;
      for (int64_t i = 0; i < c.sum_floats; i += kLanes) store(total + i, load(total + i) + load(sums + i));
    }
    // [chunk of tap rows][column][tap row of the chunk]
    for (int64_t i = 0; i < channels * c.taps; i++) {
      const int64_t of_block = i / c.taps, tap = i % c.taps, row = tap / s.kernel_w, chunk = row / shared * shared, height = min_of(shared, rows.count - chunk);
      const float* lanes = totals + of_block * c.sum_floats + (chunk * s.kernel_w + tap % s.kernel_w * height + row - chunk) * kLanes;
      float sum = 0;
      for (int lane = 0; lane < kLanes; lane++) sum += lanes[lane];
      partial[(part * d.out_channels + first_channel) * c.taps + i] = sum;
    }
  });
  const int64_t count = d.out_channels * c.taps;
  for (int64_t i = 0; i < count; i++) {
    float sum = partial[i];
    for (int64_t part = 1; part < c.parts; part++) sum += partial[part * count + i];
    dw[i] = sum;
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
