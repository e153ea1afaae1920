// The register-blocked product on which all convolutions run: C[m, n] (+)= sum over segments s and k of A[m, k] B[k, n].
// A is read one element at a time (broadcast), B in vectors; B's rows hold `columns` (16 or 32) consecutive floats.
// C is added to the finished sum, not carried through it: long sums are taken in blocks, which keeps their rounding errors small.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

struct Product {
  const float* a;
  ptrdiff_t a_stride;  // distance of A's rows (by rows) or of its k's (by columns), the other distance being 1
  const float* b;
  ptrdiff_t b_stride;  // distance of B's k's
  float* c;
  ptrdiff_t c_stride;  // distance of C's rows
  ptrdiff_t depth;     // k's in a segment
  ptrdiff_t segments;
  const ptrdiff_t* a_offsets;  // where each segment of A and of B starts; null for one segment at 0
  const ptrdiff_t* b_offsets;
  bool accumulate;
};

// With kMaxVectors vectors a row, of B and of A's element: what registers there are, 32 or 16.
constexpr int kMaxRows = FLATMIN_LANES == 16 ? 12 : FLATMIN_LANES == 8 ? 6 : 4;
constexpr int kMaxVectors = 2;

template <int Rows, int Vectors, bool ByRows>
__attribute__((noinline)) static void product_tile(const Product& p) {
  Vec acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int m = 0; m < Rows; m++)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; v++) acc[m][v] = Vec{};
  const ptrdiff_t as = p.a_stride, as3 = 3 * as, bs = p.b_stride;
  for (ptrdiff_t s = 0; s < p.segments; s++) {
    const float* a0 = p.a + (p.a_offsets ? p.a_offsets[s] : 0);
    const float* b = p.b + (p.b_offsets ? p.b_offsets[s] : 0);
    const float* a1 = Rows > 4 && ByRows ? a0 + 4 * as : a0;
    const float* a2 = Rows > 8 && ByRows ? a0 + 8 * as : a0;
#pragma GCC unroll 4
    for (ptrdiff_t k = 0; k < p.depth; k++) {
      Vec bv[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; v++) bv[v] = load(b + v * kLanes);
#pragma GCC unroll 16
      for (int m = 0; m < Rows; m++) {
        const float* row = m < 4 ? a0 : m < 8 ? a1 : a2;
        const int q = m & 3;
        add_products(acc[m], ByRows ? row + (q == 3 ? as3 : q * as) : a0 + m, bv);
      }
      b += bs;
      if (ByRows) {
        a0++;
        a1++;
        a2++;
      } else {
        a0 += as;
      }
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < Rows; m++)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; v++) {
      float* c = p.c + m * p.c_stride + v * kLanes;
      store(c, p.accumulate ? load(c) + acc[m][v] : acc[m][v]);
    }
}

typedef void (*TileFunction)(const Product&);

template <int Vectors, bool ByRows>
FLATMIN_INLINE TileFunction tile_function(int rows) {
  static constexpr TileFunction table[] = {
      product_tile<1, Vectors, ByRows>,  product_tile<2, Vectors, ByRows>,  product_tile<3, Vectors, ByRows>,
      product_tile<4, Vectors, ByRows>,
#if FLATMIN_LANES >= 8
      product_tile<5, Vectors, ByRows>,  product_tile<6, Vectors, ByRows>,
#endif
#if FLATMIN_LANES == 16
      product_tile<7, Vectors, ByRows>,
      product_tile<8, Vectors, ByRows>,  product_tile<9, Vectors, ByRows>,  product_tile<10, Vectors, ByRows>,
      product_tile<11, Vectors, ByRows>, product_tile<12, Vectors, ByRows>,
#endif
  };
  return table[rows - 1];
}

/// The product of `rows` rows by `columns` (a multiple of 16) columns, in register tiles of nearly equal height.
template <bool ByRows>
static void product(Product p, ptrdiff_t rows, ptrdiff_t columns) {
  const ptrdiff_t tiles = (rows + kMaxRows - 1) / kMaxRows;
  const float* const b = p.b;
  const float* const a = p.a;
  float* const c = p.c;
  for (ptrdiff_t n = 0; n < columns;) {
    const bool wide = columns - n >= kMaxVectors * kLanes;
    for (ptrdiff_t t = 0; t < tiles; t++) {
      const ptrdiff_t m0 = rows * t / tiles, m1 = rows * (t + 1) / tiles;
      p.a = a + m0 * (ByRows ? p.a_stride : 1);
      p.b = b + n;
      p.c = c + m0 * p.c_stride + n;
      (wide ? tile_function<2, ByRows>(int(m1 - m0)) : tile_function<1, ByRows>(int(m1 - m0)))(p);
    }
    n += wide ? kMaxVectors * kLanes : kLanes;
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
