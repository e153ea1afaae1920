// Stride-1 3x3 convolution by Winograd's F(4x4, 3x3), forward and (with turned, swapped weights) with respect to the input.
//
// Many tiles: the weights are transformed once; then each worker takes a block of tiles through input transform, 36 products and
// output transform, so that transformed images never leave its cache. Few tiles (deep layers, where the transformed weights are
// the large array): the images are transformed once and each worker takes panels of 32 out channels through weight transform,
// products and output transform.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int64_t kBlockTiles = 32;    // tiles of a block, unless one row of tiles is longer
constexpr int64_t kLeastTiles = 12;    // to which a block shrinks to give each worker a few
constexpr int64_t kDepth = 160;        // k's that a panel of B keeps in L1
constexpr int64_t kFewTiles = 256;     // up to which, if channels are more, the images are transformed first
constexpr int64_t kWeightChunk = 16;   // in channels whose weights are transformed at a time

struct Winograd {
  TileGrid grid;
  int64_t channels, height, width, top, left;  // of the input
  Weights weights;

  static Winograd forward(const ConvShape& s, const float* w) {
    return {TileGrid(s.batch, s.out_height(), s.out_width()), s.in_channels, s.in_height, s.in_width, s.pad_top, s.pad_left,
            Weights::forward(s, w)};
  }
  static Winograd grad_input(const ConvShape& s, const float* w) {
    return {TileGrid(s.batch, s.in_height, s.in_width), s.out_channels, s.out_height(), s.out_width(), 2 - s.pad_top, 2 - s.pad_left,
            Weights::backward(s, w)};
  }
  bool few_tiles() const { return grid.tiles() <= min_of(kFewTiles, max_of(channels, weights.out)); }
  int64_t padded_channels() const { return round_up(channels, kGroup); }
  /// Rows of tiles of a block.
  int64_t block_rows(int64_t workers) const {
    const int64_t shared = max_of(kLeastTiles, grid.tiles() / (4 * workers));
    return min_of(grid.rows(), max_of(1, min_of(kBlockTiles, shared) / grid.across));
  }
  /// The extra 16 floats keep the 36 points of a tile in different cache sets.
  static int64_t point_stride(int64_t rows, int64_t columns) { return rows * columns + kGroup; }
};

/// Transforms in channels [first, first + count) of one panel: point p of channel first + k to to + p * point_stride + k * kPanel.
static void weights_to_points(const Weights& w, int64_t panel, int64_t first, int64_t count, float* gathered, float* to,
                              ptrdiff_t point_stride) {
  for (int64_t k0 = 0; k0 < count; k0 += kWeightChunk) {
    const int64_t n = min_of(kWeightChunk, count - k0);
    for (int64_t g = 0; g < w.columns(panel); g += kGroup) {
      w.gather(first + k0, n, panel * kPanel + g, gathered);
      for (int64_t k = 0; k < n; k++)
        for (int v = 0; v < kGroup; v += kLanes) {
          const float* taps = gathered + (k * 9 + (w.turned ? 8 : 0)) * kGroup + v;
          const ptrdiff_t step = w.turned ? -kGroup : kGroup;
          transform_square<3, kPatch, transform_weight>(taps, 3 * step, step, to + (k0 + k) * kPanel + g + v, kPatch * point_stride,
                                                        point_stride);
        }
    }
  }
}

/// One point's product of a block of tiles [tile, in] and a panel of weights [in, 32].
static void multiply_point(const float* images, ptrdiff_t image_stride, const float* weights, float* out, int64_t tiles,
                           int64_t columns, int64_t depth, bool accumulate) {
  for (int64_t k = 0; k < depth; k += kDepth)
    product<true>({images + k, image_stride, weights + k * kPanel, kPanel, out, kPanel, min_of(kDepth, depth - k), 1, nullptr,
                   nullptr, accumulate || k > 0},
                  tiles, columns);
}

struct WinogradArrays {
  float *images, *weights, *out, *staging, *gathered;
  int64_t image_points, weight_points, out_points;
};

/// The arrays of a worker (or, for the one transformed first, of all workers), from scratch memory; the base may be null, to count.
static WinogradArrays winograd_arrays(const Winograd& c, Carver& carver, int64_t workers, int64_t worker) {
  const bool few = c.few_tiles();
  const int64_t rows = few ? c.grid.rows() : c.block_rows(workers), tiles = rows * c.grid.across;
  WinogradArrays a;
  a.image_points = Winograd::point_stride(tiles, c.padded_channels());
  a.weight_points = Winograd::point_stride(few ? min_of(kDepth, c.channels) : c.channels, kPanel);
  a.out_points = Winograd::point_stride(tiles, kPanel);
  const int64_t images = kPoints * a.image_points, weights = kPoints * a.weight_points * (few ? 1 : c.weights.panels());
  if (few) {
    a.images = carver.take(images);
  } else {
    a.weights = carver.take(weights);
  }
  for (int64_t i = 0; i < workers; i++) {
    float* own = carver.take(few ? weights : images);
    float* out = carver.take(kPoints * a.out_points);
    float* staging = carver.take(c.grid.staging(rows));
    float* gathered = carver.take(c.weights.gathered(kWeightChunk));
    if (i != worker) continue;
    (few ? a.weights : a.images) = own;
    a.out = out;
    a.staging = staging;
    a.gathered = gathered;
  }
  return a;
}

static size_t winograd_scratch(const Winograd& c, unsigned threads) {
  Carver carver{nullptr};
  winograd_arrays(c, carver, threads, 0);
  return size_t(carver.used) * sizeof(float);
}

static void winograd_run(const Winograd& c, const float* x, const float* bias, float* y, void* scratch, const Parallel& parallel) {
  const auto arrays = [&](int64_t worker) {
    Carver carver{static_cast<float*>(scratch)};
    return winograd_arrays(c, carver, parallel.threads, worker);
  };
  const Planes planes{x, c.channels, c.height, c.width, c.top, c.left};
  const int64_t groups = ceil_div(c.channels, kGroup), panels = c.weights.panels(), rows = c.block_rows(parallel.threads);
  const int64_t blocks = ceil_div(c.grid.rows(), rows);
  const auto transform_images = [&](const WinogradArrays& a, int64_t group, int64_t begin, int64_t end, float* to) {
    tiles_to_points<kPatch, transform_input>(planes, group * kGroup, c.grid, begin, end, a.staging, to + group * kGroup, a.image_points,
                                             c.padded_channels());
  };
  const auto finish = [&](const WinogradArrays& a, int64_t panel, int64_t begin, int64_t end) {
    for (int64_t g = 0; g < c.weights.columns(panel); g += kGroup)
      points_to_tiles(a.out + g, a.out_points, kPanel, c.grid, begin, end, a.staging, y, c.weights.out, panel * kPanel + g,
                      bias);
  };
  if (c.few_tiles()) {
    for_each_item(parallel, blocks * groups, [&](int64_t item, int64_t worker) {
      const WinogradArrays a = arrays(worker);
      const int64_t begin = item / groups * rows;
      transform_images(a, item % groups, begin, min_of(begin + rows, c.grid.rows()), a.images + begin * c.grid.across * c.padded_channels());
    });
    for_each_item(parallel, panels, [&](int64_t panel, int64_t worker) {
      const WinogradArrays a = arrays(worker);
      for (int64_t k = 0; k < c.channels; k += kDepth) {
        const int64_t depth = min_of(kDepth, c.channels - k);
        weights_to_points(c.weights, panel, k, depth, a.gathered, a.weights, a.weight_points);
        for (int64_t p = 0; p < kPoints; p++)
          multiply_point(a.images + p * a.image_points + k, c.padded_channels(), a.weights + p * a.weight_points, a.out + p * a.out_points,
                         c.grid.tiles(), c.weights.columns(panel), depth, k > 0);
      }
      finish(a, panel, 0, c.grid.rows());
    });
    return;
  }
  const int64_t chunks = ceil_div(c.channels, kWeightChunk);
  for_each_item(parallel, panels * chunks, [&](int64_t item, int64_t worker) {
    const WinogradArrays a = arrays(worker);
    const int64_t panel = item / chunks, first = item % chunks * kWeightChunk;
    weights_to_points(c.weights, panel, first, min_of(kWeightChunk, c.channels - first), a.gathered,
                      a.weights + panel * kPoints * a.weight_points + first * kPanel, a.weight_points);
  });
  for_each_item(parallel, blocks, [&](int64_t block, int64_t worker) {
    const WinogradArrays a = arrays(worker);
    const int64_t begin = block * rows, end = min_of(begin + rows, c.grid.rows());
    for (int64_t g = 0; g < groups; g++) transform_images(a, g, begin, end, a.images);
    for (int64_t panel = 0; panel < panels; panel++) {
      for (int64_t p = 0; p < kPoints; p++)
        multiply_point(a.images + p * a.image_points, c.padded_channels(), a.weights + (panel * kPoints + p) * a.weight_points,
                       a.out + p * a.out_points, (end - begin) * c.grid.across, c.weights.columns(panel), c.channels, false);
      finish(a, panel, begin, end);
    }
  });
}

static size_t winograd_forward_scratch(const ConvShape& s, unsigned threads) { return winograd_scratch(Winograd::forward(s, nullptr), threads); }
static void winograd_forward(const ConvShape& s, const float* x, const float* w, const float* bias, float* y, void* scratch,
                             const Parallel& parallel) {
  winograd_run(Winograd::forward(s, w), x, bias, y, scratch, parallel);
}
static size_t winograd_grad_input_scratch(const ConvShape& s, unsigned threads) {
  return winograd_scratch(Winograd::grad_input(s, nullptr), threads);
}
static void winograd_grad_input(const ConvShape& s, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel) {
  winograd_run(Winograd::grad_input(s, w), dy, nullptr, dx, scratch, parallel);
}

}  // namespace flatmin::kernels::FLATMIN_ISA
