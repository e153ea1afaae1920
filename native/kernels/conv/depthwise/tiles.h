// The loops over vectors of a row: sums over the taps of several output rows at once, and sums over outputs for each tap. A source row
// is read once for all rows of a tile that use it.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int kMostTaps = 7;   // tap rows of a tile
constexpr int kMostScale = 2;  // source rows from an output row to the next

/// Where the taps of a tile lie: tap (a, b), `rows` by `columns`, of output row r at in + (r * scale + a) * pitch + offsets[b].
struct TileTaps {
  const float* in;
  ptrdiff_t pitch;
  const ptrdiff_t* offsets;
  int64_t columns;
};

struct SumTile {
  TileTaps taps;
  const float* weights;
  ptrdiff_t row_weights, column_weights;  // from a tap's weight to that of the next row's, column's
  float* out;
  ptrdiff_t out_pitch;
  int64_t width;
  float start;  // what sums begin with, unless they go on
  bool accumulate;
};

template <int Rows, int Taps, int Scale>
__attribute__((noinline)) static void sum_tile(const SumTile& t) {
  for (int64_t x = 0; x < t.width; x += kLanes) {
    Vec sum[Rows];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; r++)
      sum[r] = t.accumulate ? load_up_to(t.out + r * t.out_pitch + x, t.width - x) : splat(t.start);
    for (int64_t b = 0; b < t.taps.columns; b++) {
      const float* in = t.taps.in + t.taps.offsets[b] + x;
      Vec w[Taps];
#pragma GCC unroll 8
      for (int a = 0; a < Taps; a++) w[a] = splat(t.weights[b * t.column_weights + a * t.row_weights]);
#pragma GCC unroll 32
      for (int i = 0; i < (Rows - 1) * Scale + Taps; i++) {
        const Vec v = load(in + i * t.taps.pitch);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; r++)
          if (i >= r * Scale && i < r * Scale + Taps) sum[r] = fma(w[i - r * Scale], v, sum[r]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; r++) store_up_to(t.out + r * t.out_pitch + x, sum[r], t.width - x);
  }
}

struct ProductTile {
  TileTaps taps;
  const float* dy;
  ptrdiff_t dy_pitch;
  int64_t width;  // a multiple of kLanes
  float* sums;    // [columns][rows][kLanes]
};

template <int Rows, int Taps, int Scale>
__attribute__((noinline)) static void product_rows(const ProductTile& t) {
  for (int64_t x = 0; x < t.width; x += kLanes) {
    Vec dy[Rows];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; r++) dy[r] = load(t.dy + r * t.dy_pitch + x);
    for (int64_t b = 0; b < t.taps.columns; b++) {
      const float* in = t.taps.in + t.taps.offsets[b] + x;
      float* sums = t.sums + b * Taps * kLanes;
      Vec sum[Taps];
#pragma GCC unroll 8
      for (int a = 0; a < Taps; a++) sum[a] = load(sums + a * kLanes);
#pragma GCC unroll 32
      for (int i = 0; i < (Rows - 1) * Scale + Taps; i++) {
        const Vec v = load(in + i * t.taps.pitch);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; r++)
          if (i >= r * Scale && i < r * Scale + Taps) sum[i - r * Scale] = fma(dy[r], v, sum[i - r * Scale]);
      }
#pragma GCC unroll 8
      for (int a = 0; a < Taps; a++) store(sums + a * kLanes, sum[a]);
    }
  }
}

/// Rows that a tile may have.
#if FLATMIN_LANES == 16
constexpr int kTileRows[] = {8, 7, 4, 2, 1};
#else
constexpr int kTileRows[] = {4, 2, 1};
#endif
constexpr int kTileHeights = int(sizeof kTileRows / sizeof *kTileRows);

template <class Tile>
using TileRun = void (*)(const Tile&);

template <class Tile, int Rows, int Taps, int Scale>
constexpr TileRun<Tile> tile_run() {
  if constexpr (std::is_same_v<Tile, SumTile>) return sum_tile<Rows, Taps, Scale>;
  else return product_rows<Rows, Taps, Scale>;
}

template <class Tile, int Scale, int... I>
FLATMIN_INLINE TileRun<Tile> find_tile(int height, int taps, std::integer_sequence<int, I...>) {
  static constexpr TileRun<Tile> table[] = {tile_run<Tile, kTileRows[I / kMostTaps], I % kMostTaps + 1, Scale>()...};
  return table[height * kMostTaps + taps - 1];
}

/// Runs tiles over `rows` output rows with `taps` tap rows: at(row) is the tile that begins at a row.
template <class Tile, class At>
static void run_tiles(int64_t rows, int taps, int64_t scale, const At& at) {
  constexpr auto all = std::make_integer_sequence<int, kTileHeights * kMostTaps>();
  for (int64_t row = 0; row < rows;) {
    const int64_t rest = rows - row, most = ceil_div(rest, ceil_div(rest, kTileRows[0]));  // tiles of nearly equal height
    int height = 0;
    while (kTileRows[height] > most) height++;
    (scale == 1 ? find_tile<Tile, 1>(height, taps, all) : find_tile<Tile, 2>(height, taps, all))(at(row));
    row += kTileRows[height];
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
