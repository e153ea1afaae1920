// The weight gradient of a stride-1 3x3 convolution in Winograd's domain: S[p] = sum over tiles of (A dy At)[p] (Bt x B)[p],
// dw = Gt S G. Tiles are taken in sets small enough to stay in the last-level cache. With one set (few tiles, many channels: S is
// large) each worker takes blocks of 32 x 32 channels from products to dw; with more, it takes all channels of a point.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kSetFloats = 1 << 20;  // transformed x and dy of a set of many tiles
constexpr int64_t kTileDepth = 128;      // tiles whose points of two panels fit L1

struct WinogradGradWeight {
  ConvShape s;
  TileGrid grid;
  int64_t in_panels, out_panels, block_rows, set_rows, set_tiles, sets, points, sum_points, sum_floats;

  explicit WinogradGradWeight(const ConvShape& shape) : s(shape), grid(shape.batch, shape.out_height(), shape.out_width()) {
    in_panels = ceil_div(s.in_channels, kPanel);
    out_panels = ceil_div(s.out_channels, kPanel);
    block_rows = min_of(grid.rows(), max_of(1, kBlockTiles / grid.across));
    const int64_t blocks = ceil_div(grid.rows(), block_rows), panel_floats = kPoints * (in_panels + out_panels) * kPanel;
    const int64_t fitting = grid.tiles() <= kFewTiles ? blocks : max_of(1, kSetFloats / (panel_floats * block_rows * grid.across));
    sets = ceil_div(blocks, fitting);
    set_rows = ceil_div(blocks, sets) * block_rows;
    sets = ceil_div(grid.rows(), set_rows);
    set_tiles = set_rows * grid.across;
    points = Winograd::point_stride(set_tiles, kPanel);
    sum_points = Winograd::point_stride(kPanel, kPanel * (sets > 1 ? in_panels * out_panels : 1));
    sum_floats = kPoints * sum_points;
  }
};

struct WinogradGradWeightArrays {
  float *x, *dy, *sums, *staging, *taps;
};

static WinogradGradWeightArrays winograd_grad_weight_arrays(const WinogradGradWeight& c, Carver& carver, int64_t workers, int64_t worker) {
  WinogradGradWeightArrays a;
  a.x = carver.take(c.in_panels * kPoints * c.points);
  a.dy = carver.take(c.out_panels * kPoints * c.points);
  if (c.sets > 1) a.sums = carver.take(c.sum_floats);
  for (int64_t i = 0; i < workers; i++) {
    float* sums = c.sets > 1 ? nullptr : carver.take(c.sum_floats);
    float* staging = carver.take(c.grid.staging(c.block_rows));
    float* taps = carver.take(9 * kGroup);
    if (i != worker) continue;
    if (sums || c.sets == 1) a.sums = sums;
    a.staging = staging;
    a.taps = taps;
  }
  return a;
}

/// dw[o][i..i + 16][9] = Gt S G for one out channel, S's points lying point_stride apart.
static void sums_to_weights(const float* sums, ptrdiff_t point_stride, int64_t channels, float* taps, float* dw) {
  for (int v = 0; v < kGroup; v += kLanes)
    transform_square<kPatch, 3, transform_weight_gradient>(sums + v, kPatch * point_stride, point_stride, taps + v, 3 * kGroup, kGroup);
  pixels_to_planes({taps, 0, kGroup}, 1, 9, dw, 9, channels);
}

static size_t winograd_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  Carver carver{nullptr};
  winograd_grad_weight_arrays(WinogradGradWeight(s), carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

static void winograd_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  const WinogradGradWeight c(s);
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return winograd_grad_weight_arrays(c, carver, parallel.threads, worker);
  };
  const Planes inputs{x, s.in_channels, s.in_height, s.in_width, s.pad_top, s.pad_left};
  const Planes outputs{dy, s.out_channels, c.grid.height, c.grid.width, 0, 0};
  const int64_t in_groups = 2 * c.in_panels, groups = in_groups + 2 * c.out_panels;
  for (int64_t set = 0; set < c.sets; set++) {
    const int64_t set_begin = set * c.set_rows, set_end = min_of(set_begin + c.set_rows, c.grid.rows());
    const int64_t blocks = ceil_div(set_end - set_begin, c.block_rows), tiles = (set_end - set_begin) * c.grid.across;
    for_each_item(parallel, blocks * groups, [&](int64_t item, int64_t worker) {
      const WinogradGradWeightArrays a = arrays(worker);
      const int64_t begin = set_begin + item / groups * c.block_rows, end = min_of(begin + c.block_rows, set_end);
      const bool is_input = item % groups < in_groups;
      const int64_t group = is_input ? item % groups : item % groups - in_groups;
      if (group * kGroup >= (is_input ? s.in_channels : s.out_channels)) return;
      float* to = (is_input ? a.x : a.dy) + group / 2 * kPoints * c.points + group % 2 * kGroup + (begin - set_begin) * c.grid.across * kPanel;
      if (is_input) {
        tiles_to_points<kPatch, transform_input>(inputs, group * kGroup, c.grid, begin, end, a.staging, to, c.points, kPanel);
      } else {
        tiles_to_points<kTile, transform_output_gradient>(outputs, group * kGroup, c.grid, begin, end, a.staging, to, c.points, kPanel);
      }
    });
    const auto multiply = [&](const WinogradGradWeightArrays& a, int64_t in, int64_t out, int64_t point, float* sums) {
      for (int64_t t = 0; t < tiles; t += kTileDepth)
        product<false>({a.dy + (out * kPoints + point) * c.points + t * kPanel, kPanel, a.x + (in * kPoints + point) * c.points + t * kPanel,
                        kPanel, sums, kPanel, min_of(kTileDepth, tiles - t), 1, nullptr, nullptr, set > 0 || t > 0},
                       min_of(kPanel, s.out_channels - out * kPanel), min_of(kPanel, round_up(s.in_channels - in * kPanel, kGroup)));
    };
    const auto finish = [&](const WinogradGradWeightArrays& a, int64_t in, int64_t out, const float* sums) {
      for (int64_t o = 0; o < min_of(kPanel, s.out_channels - out * kPanel); o++)
        for (int64_t i = 0; i < min_of(kPanel, s.in_channels - in * kPanel); i += kGroup)
          sums_to_weights(sums + o * kPanel + i, c.sum_points, min_of(kGroup, s.in_channels - in * kPanel - i), a.taps,
                          dw + ((out * kPanel + o) * s.in_channels + in * kPanel + i) * 9);
    };
    if (c.sets == 1) {
      for_each_item(parallel, c.in_panels * c.out_panels, [&](int64_t item, int64_t worker) {
        const WinogradGradWeightArrays a = arrays(worker);
        const int64_t in = item / c.out_panels, out = item % c.out_panels;
        for (int64_t p = 0; p < kPoints; p++) multiply(a, in, out, p, a.sums + p * c.sum_points);
        finish(a, in, out, a.sums);
      });
      return;
    }
    for_each_item(parallel, kPoints, [&](int64_t p, int64_t worker) {
      const WinogradGradWeightArrays a = arrays(worker);
      for (int64_t block = 0; block < c.in_panels * c.out_panels; block++)
        multiply(a, block / c.out_panels, block % c.out_panels, p, a.sums + p * c.sum_points + block * kPanel * kPanel);
    });
    if (set + 1 < c.sets) continue;
    for_each_item(parallel, c.in_panels * c.out_panels, [&](int64_t block, int64_t worker) {
      const WinogradGradWeightArrays a = arrays(worker);
      finish(a, block / c.out_panels, block % c.out_panels, a.sums + block * kPanel * kPanel);
    });
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
