// Blocks of tiles between NCHW tensors and Winograd's domain.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

/// The 4x4 tiles that cover the outputs; rows of tiles are numbered through all images.
struct TileGrid {
  int64_t batch, height, width;  // of the outputs
  int64_t down, across;          // tiles of an image
  TileGrid(int64_t n, int64_t h, int64_t w) : batch(n), height(h), width(w), down(ceil_div(h, kTile)), across(ceil_div(w, kTile)) {}
  int64_t rows() const { return batch * down; }
  int64_t tiles() const { return rows() * across; }
  /// Floats of a staging block for `rows` tile rows of 16 channels.
  int64_t staging(int64_t rows) const { return (kTile * min_of(rows, down) + 2) * (kTile * across + 2) * kGroup; }
};

/// An NCHW tensor; its pixel (0, 0) lies at (top, left) of the first tile's patch.
struct Planes {
  const float* data;
  int64_t channels, height, width, top, left;
};

/// Transforms 16 channels of tile rows [begin, end): point p of tile t goes to to + p * point_stride + t * tile_stride.
template <int In, void (*Transform)(const Vec*, Vec*)>
static void tiles_to_points(const Planes& x, int64_t channel, const TileGrid& grid, int64_t begin, int64_t end, float* staging,
                            float* to, ptrdiff_t point_stride, ptrdiff_t tile_stride) {
  const int64_t columns = kTile * grid.across + In - kTile, channels = min_of(kGroup, x.channels - channel);
  const ptrdiff_t row_stride = columns * kGroup;
  while (begin < end) {
    const int64_t image = begin / grid.down, first = begin % grid.down, rows = min_of(end - begin, grid.down - first);
    padded_pixels(x.data + (image * x.channels + channel) * x.height * x.width, x.height, x.width, channels, kTile * first - x.top,
                  kTile * rows + In - kTile, x.left, columns, {staging, row_stride, kGroup});
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < grid.across; c++, to += tile_stride)
        for (int g = 0; g < kGroup; g += kLanes)
          transform_square<In, kPatch, Transform>(staging + kTile * r * row_stride + kTile * c * kGroup + g, row_stride, kGroup, to + g,
                                                  kPatch * point_stride, point_stride);
    begin += rows;
  }
}

/// The way back: outputs of tile rows [begin, end) of up to 16 channels, from points laid out as above, and `bias`, which may be null.
static void points_to_tiles(const float* from, ptrdiff_t point_stride, ptrdiff_t tile_stride, const TileGrid& grid, int64_t begin,
                            int64_t end, float* staging, float* y, int64_t y_channels, int64_t channel, const float* bias) {
  const int64_t columns = kTile * grid.across, channels = min_of(kGroup, y_channels - channel);
  const ptrdiff_t row_stride = columns * kGroup;
  while (begin < end) {
    const int64_t image = begin / grid.down, first = begin % grid.down, rows = min_of(end - begin, grid.down - first);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < grid.across; c++, from += tile_stride)
        for (int g = 0; g < kGroup; g += kLanes)
          transform_square<kPatch, kTile, transform_output>(from + g, kPatch * point_stride, point_stride,
                                                            staging + kTile * r * row_stride + kTile * c * kGroup + g, row_stride, kGroup);
    const int64_t plane = grid.height * grid.width;
    pixels_to_planes({staging, row_stride, kGroup}, min_of(kTile * rows, grid.height - kTile * first), grid.width,
                     y + (image * y_channels + channel) * plane + kTile * first * grid.width, plane, channels,
                     bias ? bias + channel : nullptr);
    begin += rows;
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
