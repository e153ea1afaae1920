// How queries and keys are cut: by their numbers alone, so that sums are the same for any number of threads.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

// A tile of scores (kTile x kKeys floats, 96 KiB) and a block of K and V with up to 64 columns (128 KiB) stay in a core's second-level cache.
constexpr int64_t kTile = 96;
constexpr int64_t kKeys = 256;
/// Tiles of queries that share a block of K and V, in the forward pass: an item of work.
constexpr int64_t kTilesInItem = 4;

/// The piece `index` of [0, total) cut into `count` nearly equal ones.
struct Range {
  int64_t begin, end;
  Range(int64_t total, int64_t count, int64_t index) : begin(total * index / count), end(total * (index + 1) / count) {}
  int64_t size() const { return end - begin; }
};

FLATMIN_INLINE int64_t key_blocks(const AttentionShape& s) { return ceil_div(s.keys, kKeys); }
FLATMIN_INLINE int64_t tiles(const AttentionShape& s) { return ceil_div(s.queries, kTile); }

FLATMIN_INLINE int64_t heads(const AttentionShape& s) {
  int64_t product = 1;
  for (int64_t axis = 0; axis < s.rank; axis++) product *= s.batch[axis];
  return product;
}

/// The first element of a head.
static int64_t head_offset(const AttentionShape& s, const HeadView& view, int64_t head) {
  int64_t offset = view.offset;
  for (int64_t axis = s.rank; axis-- > 0; head /= s.batch[axis]) offset += head % s.batch[axis] * view.strides[axis];
  return offset;
}

/// A head's matrix: rows and columns at any distance.
template <class T>
struct Matrix {
  T* data;
  int64_t row, column;
  Matrix(T* tensor, const AttentionShape& s, const HeadView& view, int64_t head)
      : data(tensor ? tensor + head_offset(s, view, head) : nullptr), row(view.strides[s.rank]), column(view.strides[s.rank + 1]) {}
};

/// How many of a block's keys from `first` on a query sees.
FLATMIN_INLINE int64_t visible(const AttentionShape& s, int64_t query, int64_t first, int64_t end) {
  return s.causal ? max_of(0, min_of(query + 1, end) - first) : end - first;
}

}  // namespace flatmin::kernels::FLATMIN_ISA
