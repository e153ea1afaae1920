// Attention block by block (Dao et al. 2022, FlashAttention): no matrix of queries by keys is kept.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

struct ForwardScratch {
  float *q, *kt, *v, *scores, *o, *largest, *sum;
  ForwardScratch(Carver& carver, const AttentionShape& s) {
    const int64_t queries = min_of(s.queries, kTile * kTilesInItem), keys = padded(min_of(s.keys, kKeys));
    q = carver.take(queries * padded(s.depth));
    kt = carver.take(s.depth * keys);
    v = carver.take(keys * padded(s.value_depth));
    scores = carver.take(min_of(s.queries, kTile) * keys);
    o = carver.take(queries * padded(s.value_depth));
    largest = carver.take(queries);
    sum = carver.take(queries);
  }
};

/// Scores of one query, in place: scaled, with the mask added; what is not seen becomes -infinity. `count` keys are seen of a row of `width`.
FLATMIN_INLINE void finish_scores(const AttentionShape& s, float* row, int64_t count, int64_t width, const float* mask, int64_t mask_column) {
  const Vec scale = splat(s.scale);
  for (int64_t c = 0; c < width; c += kLanes) store(row + c, load(row + c) * scale);
  if (mask) {
    int64_t c = 0;
    if (mask_column == 1)
      for (; c + kLanes <= count; c += kLanes) store(row + c, load(row + c) + load(mask + c));
    for (; c < count; c++) row[c] += mask[c * mask_column];
  }
  for (int64_t c = count; c < width; c++) row[c] = -INFINITY;
}

/// row <- e^(row - largest). @returns the sum
FLATMIN_INLINE float exponentials(float* row, int64_t width, float largest) {
  const Vec shift = splat(largest);
  Vec sum{};
  for (int64_t c = 0; c < width; c += kLanes) {
    const Vec e = exp_of(load(row + c) - shift);
    store(row + c, e);
    sum += e;
  }
  return sum_of_lanes(sum);
}

/// Scores of one query to exponentials; rescales what earlier blocks have summed. Of a query that sees nothing yet all stays 0.
static void online_softmax(float* row, int64_t width, float& largest, float& sum, float* o, int64_t o_width, bool first) {
  Vec most = splat(-INFINITY);
  for (int64_t c = 0; c < width; c += kLanes) most = larger(most, load(row + c));
  const float block = largest_lane(most);
  const float now = block > largest ? block : largest;
  if (now == -INFINITY) {
    bool is_nan = false;  // comparisons pass over a NaN, which must not be lost
    for (int64_t c = 0; c < width; c++) is_nan |= row[c] != row[c], row[c] = is_nan ? NAN : 0;
    if (is_nan) sum = NAN;
    return;
  }
  const float factor = exp_of(splat(largest - now))[0];
  sum = sum * factor + exponentials(row, width, now);
  largest = now;
  if (first || factor == 1) return;
  for (int64_t c = 0; c < o_width; c += kLanes) store(o + c, load(o + c) * splat(factor));
}

/// Queries [begin, end) of a head.
static void forward_item(const AttentionShape& s, const AttentionInputs& in, float* o_tensor, float* lse, int64_t head, Range tile_range,
                         const ForwardScratch& w) {
  const Matrix<const float> q(in.q, s, s.q, head), k(in.k, s, s.k, head), v(in.v, s, s.v, head), mask(in.mask, s, s.mask, head);
  const int64_t all_tiles = tiles(s), depth = padded(s.depth), value_depth = padded(s.value_depth);
  const int64_t begin = Range(s.queries, all_tiles, tile_range.begin).begin;
  const int64_t end = Range(s.queries, all_tiles, tile_range.end - 1).end;
  copy_rows(q, begin, end, s.depth, w.q);
  for (int64_t r = 0; r < end - begin; r++) w.largest[r] = -INFINITY, w.sum[r] = 0;
  const int64_t blocks = key_blocks(s);
  for (int64_t b = 0; b < blocks; b++) {
    const Range keys(s.keys, blocks, b);
    if (visible(s, end - 1, keys.begin, keys.end) == 0) break;
    copy_transposed(k, keys.begin, keys.end, s.depth, w.kt);
    copy_rows(v, keys.begin, keys.end, s.value_depth, w.v);
    const int64_t stride = padded(keys.size());
    for (int64_t t = tile_range.begin; t < tile_range.end; t++) {
      const Range rows(s.queries, all_tiles, t);
      const int64_t seen = visible(s, rows.end - 1, keys.begin, keys.end);
      if (seen == 0) continue;
      const int64_t at = rows.begin - begin, width = padded(seen);
      product<true>({w.q + at * depth, depth, w.kt, stride, w.scores, stride, s.depth, 1, nullptr, nullptr, false}, rows.size(), width);
      for (int64_t r = 0; r < rows.size(); r++) {
        const int64_t query = rows.begin + r;
        float* row = w.scores + r * stride;
        const float* mask_row = in.mask ? mask.data + query * mask.row + keys.begin * mask.column : nullptr;
        finish_scores(s, row, visible(s, query, keys.begin, keys.end), width, mask_row, mask.column);
        online_softmax(row, width, w.largest[at + r], w.sum[at + r], w.o + (at + r) * value_depth, value_depth, b == 0);
      }
      product<true>({w.scores, stride, w.v, value_depth, w.o + at * value_depth, value_depth, seen, 1, nullptr, nullptr, b > 0},
                    rows.size(), value_depth);
    }
  }
  const auto inverse_sum = [&](int64_t query) { return 1 / w.sum[query - begin]; };
  write_rows(w.o, begin, end, s.value_depth, inverse_sum, Matrix<float>(o_tensor, s, s.o, head));
  if (lse)
    for (int64_t r = 0; r < end - begin; r++) lse[head * s.queries + begin + r] = w.largest[r] + std::log(w.sum[r]);
}

static size_t forward_bytes(const AttentionShape& s) {
  Carver carver{nullptr};
  ForwardScratch(carver, s);
  return size_t(carver.used) * sizeof(float);
}

static size_t attention_forward_scratch(const AttentionShape& s, unsigned threads) { return forward_bytes(s) * threads; }

static void attention_forward(const AttentionShape& s, const AttentionInputs& in, float* o, float* lse, void* scratch, const Parallel& parallel) {
  const int64_t items_in_head = ceil_div(tiles(s), kTilesInItem);
  const size_t bytes = forward_bytes(s);
  for_each_item(parallel, heads(s) * items_in_head, [&](int64_t item, int64_t worker) {
    Carver carver{reinterpret_cast<float*>(static_cast<char*>(scratch) + size_t(worker) * bytes)};
    const Range tile_range(tiles(s), items_in_head, item % items_in_head);
    forward_item(s, in, o, lse, item / items_in_head, tile_range, ForwardScratch(carver, s));
  });
}

}  // namespace flatmin::kernels::FLATMIN_ISA
