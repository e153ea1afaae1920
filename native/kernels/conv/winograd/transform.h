// Winograd's minimal convolution F(4x4, 3x3) (S. Winograd 1980; A. Lavin, S. Gray 2015) at the points 0, +-5/8, +-3/2, infinity,
// which keep the rounding error about half that of the usual 0, +-1, +-2.
// In one dimension: y = At [(G w) * (Bt x)], x of 6, w of 3, y of 4. Its adjoint: dw = Gt [(A dy) * (Bt x)].
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int kTile = 4;     // outputs of a tile, a side
constexpr int kPatch = 6;    // inputs of a tile, a side
constexpr int kPoints = 36;  // products of a tile

namespace points {
constexpr float a = 0.625f, b = 1.5f;
constexpr float a2 = a * a, b2 = b * b, a3 = a2 * a, b3 = b2 * b, a2b2 = a2 * b2, sum = a2 + b2;
constexpr float n0 = float(1.0 / (double(a2) * b2));
constexpr float na = float(1.0 / (2.0 * a2 * (double(a2) - b2)));
constexpr float nb = float(1.0 / (2.0 * b2 * (double(b2) - a2)));
}  // namespace points

/// Bt x
FLATMIN_INLINE void transform_input(const Vec* x, Vec* out) {
  using namespace points;
  const Vec even_a = fma(splat(-b2), x[2], x[4]), odd_a = fma(splat(-b2), x[1], x[3]);
  const Vec even_b = fma(splat(-a2), x[2], x[4]), odd_b = fma(splat(-a2), x[1], x[3]);
  out[0] = fma(splat(a2b2), x[0], fma(splat(-sum), x[2], x[4]));
  out[1] = fma(splat(a), odd_a, even_a);
  out[2] = fma(splat(-a), odd_a, even_a);
  out[3] = fma(splat(b), odd_b, even_b);
  out[4] = fma(splat(-b), odd_b, even_b);
  out[5] = fma(splat(a2b2), x[1], fma(splat(-sum), x[3], x[5]));
}

/// G w
FLATMIN_INLINE void transform_weight(const Vec* w, Vec* out) {
  using namespace points;
  const Vec even_a = fma(splat(na * a2), w[2], splat(na) * w[0]), even_b = fma(splat(nb * b2), w[2], splat(nb) * w[0]);
  out[0] = splat(n0) * w[0];
  out[1] = fma(splat(na * a), w[1], even_a);
  out[2] = fma(splat(-na * a), w[1], even_a);
  out[3] = fma(splat(nb * b), w[1], even_b);
  out[4] = fma(splat(-nb * b), w[1], even_b);
  out[5] = w[2];
}

/// At m
FLATMIN_INLINE void transform_output(const Vec* m, Vec* out) {
  using namespace points;
  const Vec sa = m[1] + m[2], da = m[1] - m[2], sb = m[3] + m[4], db = m[3] - m[4];
  out[0] = m[0] + sa + sb;
  out[1] = fma(splat(b), db, splat(a) * da);
  out[2] = fma(splat(b2), sb, splat(a2) * sa);
  out[3] = fma(splat(b3), db, fma(splat(a3), da, m[5]));
}

/// A dy
FLATMIN_INLINE void transform_output_gradient(const Vec* y, Vec* out) {
  using namespace points;
  const Vec even_a = fma(splat(a2), y[2], y[0]), odd_a = fma(splat(a3), y[3], splat(a) * y[1]);
  const Vec even_b = fma(splat(b2), y[2], y[0]), odd_b = fma(splat(b3), y[3], splat(b) * y[1]);
  out[0] = y[0];
  out[1] = even_a + odd_a;
  out[2] = even_a - odd_a;
  out[3] = even_b + odd_b;
  out[4] = even_b - odd_b;
  out[5] = y[3];
}

/// Gt m
FLATMIN_INLINE void transform_weight_gradient(const Vec* m, Vec* out) {
  using namespace points;
  const Vec sa = m[1] + m[2], da = m[1] - m[2], sb = m[3] + m[4], db = m[3] - m[4];
  out[0] = fma(splat(nb), sb, fma(splat(na), sa, splat(n0) * m[0]));
  out[1] = fma(splat(nb * b), db, splat(na * a) * da);
  out[2] = fma(splat(nb * b2), sb, fma(splat(na * a2), sa, m[5]));
}

/// Applies a one-dimensional transform of In values to Out values along both sides of a square, for one vector of channels.
/// Element (i, j) is read at from + i * row + j * column and result (i, j) stored at to + i * to_row + j * to_column.
template <int In, int Out, void (*Transform)(const Vec*, Vec*)>
FLATMIN_INLINE void transform_square(const float* from, ptrdiff_t row, ptrdiff_t column, float* to, ptrdiff_t to_row, ptrdiff_t to_column) {
  Vec middle[Out][In];
#pragma GCC unroll 6
  for (int j = 0; j < In; j++) {
    Vec in[In], out[Out];
#pragma GCC unroll 6
    for (int i = 0; i < In; i++) in[i] = load(from + i * row + j * column);
    Transform(in, out);
#pragma GCC unroll 6
    for (int i = 0; i < Out; i++) middle[i][j] = out[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < Out; i++) {
    Vec out[Out];
    Transform(middle[i], out);
#pragma GCC unroll 6
    for (int j = 0; j < Out; j++) store(to + i * to_row + j * to_column, out[j]);
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
