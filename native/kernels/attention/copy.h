// Between matrices at any strides and dense rows, padded to whole groups of 16 columns with zeros.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

FLATMIN_INLINE int64_t padded(int64_t columns) { return round_up(columns, kGroup); }

/// Rows [begin, end) to rows of padded(columns) floats.
static void copy_rows(const Matrix<const float>& from, int64_t begin, int64_t end, int64_t columns, float* to) {
  const int64_t width = padded(columns);
  for (int64_t r = begin; r < end; r++, to += width) {
    const float* row = from.data + r * from.row;
    int64_t c = 0;
    if (from.column == 1) {
      for (; c + kLanes <= columns; c += kLanes) store(to + c, load(row + c));
    }
    for (; c < columns; c++) to[c] = row[c * from.column];
    for (; c < width; c++) to[c] = 0;
  }
}

/// Rows [begin, end) as columns: `columns` rows of padded(end - begin) floats.
static void copy_transposed(const Matrix<const float>& from, int64_t begin, int64_t end, int64_t columns, float* to) {
  const int64_t rows = end - begin, width = padded(rows);
  const float* data = from.data + begin * from.row;
  if (from.column != 1) {
    for (int64_t c = 0; c < columns; c++)
      for (int64_t r = 0; r < width; r++) to[c * width + r] = r < rows ? data[r * from.row + c * from.column] : 0;
    return;
  }
  for (int64_t r = 0; r < width; r += kLanes)
    for (int64_t c = 0; c < columns; c += kLanes) {
      const int count = int(min_of(kLanes, columns - c));
      Vec v[kLanes];
      if (r + kLanes <= rows && count == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) v[i] = load(data + (r + i) * from.row + c);
      } else {
        for (int i = 0; i < kLanes; i++) {
          const float* row = data + (r + i) * from.row + c;
          v[i] = r + i >= rows ? Vec{} : count == kLanes ? load(row) : load_first(row, count);
        }
      }
      transpose(v);
      for (int i = 0; i < count; i++) store(to + (c + i) * width + r, v[i]);
    }
}

/// Dense rows, each times a factor, to rows [begin, end).
template <class Factor>
static void write_rows(const float* from, int64_t begin, int64_t end, int64_t columns, const Factor& factor, const Matrix<float>& to) {
  const int64_t width = padded(columns);
  for (int64_t r = begin; r < end; r++, from += width) {
    float* row = to.data + r * to.row;
    const float f = factor(r);
    int64_t c = 0;
    if (to.column == 1) {
      for (; c + kLanes <= columns; c += kLanes) store(row + c, load(from + c) * splat(f));
    }
    for (; c < columns; c++) row[c * to.column] = from[c] * f;
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
