// The weight gradient of a stride-1 3x3 convolution in Winograd's domain: S[p] = sum over tiles of (A dy At)[p] (Bt x B)[p],
// dw = Gt S G. Tiles are taken in sets whose transformed x and dy stay in cache.
//
// Few channels (S is small): each worker sums its own part of the tiles, without sharing anything, and the parts are added in order.
// Many channels: each set is transformed by all workers, which then take blocks of 32 x 32 channels, up to dw after the last set.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kOwnSumFloats = 1 << 20;  // up to which workers have a sum of their own
constexpr int64_t kOwnSetFloats = 1 << 20;  // transformed x and dy of a worker's set of tiles
constexpr int64_t kSetFloats = 3 << 20;     // transformed x and dy of a set of tiles of all workers
constexpr int64_t kTileDepth = 128;         // tiles whose points of two panels fit L1

struct WinogradGradWeight {
  ConvShape s;
  TileGrid grid;
  bool own;                                       // whether each worker has a part of the tiles and a sum of its own
  int64_t in_panels, out_panels, blocks;          // panels of 32 channels; blocks are pairs of them
  int64_t parts, part_rows, set_rows, block_rows;  // in rows of tiles; block_rows are transformed at a time
  int64_t points, sum_points, sum_floats;         // strides of the points of transformed panels and of S; floats of S

  WinogradGradWeight(const ConvShape& shape, unsigned threads) : s(shape), grid(shape.batch, shape.out_height(), shape.out_width()) {
    in_panels = ceil_div(s.in_channels, kPanel);
    out_panels = ceil_div(s.out_channels, kPanel);
    blocks = in_panels * out_panels;
    own = kPoints * blocks * kPanel * kPanel <= kOwnSumFloats;
    block_rows = min_of(grid.rows(), max_of(1, kBlockTiles / grid.across));
    part_rows = own ? ceil_div(grid.rows(), threads) : grid.rows();
    parts = ceil_div(grid.rows(), part_rows);
    const int64_t row_floats = kPoints * (in_panels + out_panels) * kPanel * grid.across;
    const int64_t sets = ceil_div(part_rows, max_of(1, (own ? kOwnSetFloats : kSetFloats) / row_floats));
    set_rows = ceil_div(part_rows, sets);
    points = Winograd::point_stride(set_rows * grid.across, kPanel);
    sum_points = Winograd::point_stride(kPanel, kPanel * (one_block() ? 1 : blocks));
    sum_floats = kPoints * sum_points;
  }
  /// Whether a worker goes from products to dw block by block, so that it needs S for one block only.
  bool one_block() const { return !own && set_rows == grid.rows(); }
};

struct WinogradGradWeightArrays {
  float *x, *dy, *sums, *staging, *taps;
};

static WinogradGradWeightArrays winograd_grad_weight_arrays(const WinogradGradWeight& c, Carver& carver, int64_t workers, int64_t worker) {
  const int64_t x_floats = c.in_panels * kPoints * c.points, dy_floats = c.out_panels * kPoints * c.points;
  WinogradGradWeightArrays a;
  if (!c.own) {
    a.x = carver.take(x_floats);
    a.dy = carver.take(dy_floats);
    if (!c.one_block()) a.sums = carver.take(c.sum_floats);
  }
  for (int64_t i = 0; i < workers; i++) {
    float* x = c.own ? carver.take(x_floats) : a.x;
    float* dy = c.own ? carver.take(dy_floats) : a.dy;
    float* sums = c.own || c.one_block() ? carver.take(c.sum_floats) : a.sums;
    float* staging = carver.take(c.grid.staging(c.block_rows));
    float* taps = carver.take(9 * kGroup);
    if (i == worker) a = {x, dy, sums, staging, taps};
  }
  return a;
}

static size_t winograd_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  Carver carver{nullptr};
  winograd_grad_weight_arrays(WinogradGradWeight(s, threads), carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

struct WinogradGradWeightRun {
  const WinogradGradWeight& c;
  Planes x, dy;
  float* dw;

  int64_t groups() const { return 2 * (c.in_panels + c.out_panels); }

  /// Transforms one group of 16 channels, of x or of dy, of rows [begin, end) of tiles of a set.
  void transform(const WinogradGradWeightArrays& a, int64_t index, int64_t set_begin, int64_t begin, int64_t end) const {
    const bool is_x = index < 2 * c.in_panels;
    const int64_t group = is_x ? index : index - 2 * c.in_panels;
    if (group * kGroup >= (is_x ? x : dy).channels) return;
    float* to = (is_x ? a.x : a.dy) + group / 2 * kPoints * c.points + group % 2 * kGroup + (begin - set_begin) * c.grid.across * kPanel;
    if (is_x) {
      tiles_to_points<kPatch, transform_input>(x, group * kGroup, c.grid, begin, end, a.staging, to, c.points, kPanel);
    } else {
      tiles_to_points<kTile, transform_output_gradient>(dy, group * kGroup, c.grid, begin, end, a.staging, to, c.points, kPanel);
    }
  }
  int64_t ins(int64_t block) const { return min_of(kPanel, x.channels - block / c.out_panels * kPanel); }
  int64_t outs(int64_t block) const { return min_of(kPanel, dy.channels - block % c.out_panels * kPanel); }

  /// Adds a set's product of a block of channels at a point.
  void multiply(const WinogradGradWeightArrays& a, int64_t block, int64_t point, int64_t tiles, float* sums, bool accumulate) const {
    const float* dy_point = a.dy + (block % c.out_panels * kPoints + point) * c.points;
    const float* x_point = a.x + (block / c.out_panels * kPoints + point) * c.points;
    for (int64_t t = 0; t < tiles; t += kTileDepth)
      product<false>({dy_point + t * kPanel, kPanel, x_point + t * kPanel, kPanel, sums, kPanel, min_of(kTileDepth, tiles - t), 1, nullptr,
                      nullptr, accumulate || t > 0},
                     outs(block), round_up(ins(block), kGroup));
  }

  /// dw of a block of channels from its S.
  void finish(const WinogradGradWeightArrays& a, int64_t block, const float* sums) const {
    const int64_t in = block / c.out_panels * kPanel, out = block % c.out_panels * kPanel;
    for (int64_t o = 0; o < outs(block); o++)
      for (int64_t i = 0; i < ins(block); i += kGroup) {
        for (int v = 0; v < kGroup; v += kLanes)
          transform_square<kPatch, 3, transform_weight_gradient>(sums + o * kPanel + i + v, kPatch * c.sum_points, c.sum_points, a.taps + v,
                                                                 3 * kGroup, kGroup);
        pixels_to_planes({a.taps, 0, kGroup}, 1, 9, dw + ((out + o) * x.channels + in + i) * 9, 9, min_of(kGroup, ins(block) - i));
      }
  }
};

static void winograd_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  const WinogradGradWeight c(s, parallel.threads);
  const WinogradGradWeightRun run{c,
                                  {x, s.in_channels, s.in_height, s.in_width, s.pad_top, s.pad_left},
                                  {dy, s.out_channels, c.grid.height, c.grid.width, 0, 0},
                                  dw};
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return winograd_grad_weight_arrays(c, carver, parallel.threads, worker);
  };
  constexpr int64_t block_floats = kPanel * kPanel;
  if (c.own) {
    // Part i has the arrays of worker i, whoever computes it.
    for_each_item(parallel, c.parts, [&](int64_t part, int64_t) {
      const WinogradGradWeightArrays a = arrays(part);
      const int64_t part_begin = part * c.part_rows, part_end = min_of(part_begin + c.part_rows, c.grid.rows());
      for (int64_t begin = part_begin; begin < part_end; begin += c.set_rows) {
        const int64_t end = min_of(begin + c.set_rows, part_end);
        for (int64_t row = begin; row < end; row += c.block_rows)
          for (int64_t g = 0; g < run.groups(); g++) run.transform(a, g, begin, row, min_of(row + c.block_rows, end));
        for (int64_t p = 0; p < kPoints; p++)
          for (int64_t block = 0; block < c.blocks; block++)
            run.multiply(a, block, p, (end - begin) * c.grid.across, a.sums + p * c.sum_points + block * block_floats, begin > part_begin);
      }
    });
    for_each_item(parallel, c.blocks, [&](int64_t block, int64_t worker) {
      const WinogradGradWeightArrays a = arrays(worker);
      float* total = arrays(0).sums + block * block_floats;
      for (int64_t part = 1; part < c.parts; part++) {
        const float* sums = arrays(part).sums + block * block_floats;
        for (int64_t p = 0; p < kPoints; p++)
          for (int64_t i = p * c.sum_points; i < p * c.sum_points + block_floats; i += kLanes) store(total + i, load(total + i) + load(sums + i));
      }
      run.finish(a, block, total);
    });
    return;
  }
  for (int64_t begin = 0; begin < c.grid.rows(); begin += c.set_rows) {
    const int64_t end = min_of(begin + c.set_rows, c.grid.rows());
    for_each_item(parallel, ceil_div(end - begin, c.block_rows) * run.groups(), [&](int64_t item, int64_t worker) {
      const int64_t row = begin + item / run.groups() * c.block_rows;
      run.transform(arrays(worker), item % run.groups(), begin, row, min_of(row + c.block_rows, end));
    });
    for_each_item(parallel, c.blocks, [&](int64_t block, int64_t worker) {
      const WinogradGradWeightArrays a = arrays(worker);
      float* sums = a.sums + (c.one_block() ? 0 : block * block_floats);
      for (int64_t p = 0; p < kPoints; p++) run.multiply(a, block, p, (end - begin) * c.grid.across, sums + p * c.sum_points, begin > 0);
      if (end == c.grid.rows()) run.finish(a, block, sums);
    });
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
