// Gradients of attention, block by block: with P = e^(scores - lse) computed again, D = rowsum(O * dO) and dS = P * (dO Vᵀ - D):
// dV = Pᵀ dO, dK = dSᵀ Q, dQ = dS K. A head is one worker's.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

struct BackwardScratch {
  float *q, *d_o, *dq, *dots, *kt, *vt, *k, *dk, *dv, *p, *ds;
  BackwardScratch(Carver& carver, const AttentionShape& s) {
    const int64_t keys = padded(min_of(s.keys, kKeys)), tile = min_of(s.queries, kTile);
    q = carver.take(s.queries * padded(s.depth));
    d_o = carver.take(s.queries * padded(s.value_depth));
    dq = carver.take(s.queries * padded(s.depth));
    dots = carver.take(s.queries);
    kt = carver.take(s.depth * keys);
    vt = carver.take(s.value_depth * keys);
    k = carver.take(keys * padded(s.depth));
    dk = carver.take(keys * padded(s.depth));
    dv = carver.take(keys * padded(s.value_depth));
    p = carver.take(tile * keys);
    ds = carver.take(tile * keys);
  }
};

/// Of each row of dO (dense) and O: the sum of products.
static void row_dots(const float* d_o, const Matrix<const float>& o, int64_t rows, int64_t columns, float* dots) {
  const int64_t width = padded(columns);
  for (int64_t r = 0; r < rows; r++) {
    const float *a = d_o + r * width, *b = o.data + r * o.row;
    float dot = 0;
    int64_t c = 0;
    if (o.column == 1) {
      Vec sum{};
      for (; c + kLanes <= columns; c += kLanes) sum = fma(load(a + c), load(b + c), sum);
      dot = sum_of_lanes(sum);
    }
    for (; c < columns; c++) dot += a[c] * b[c * o.column];
    dots[r] = dot;
  }
}

/// Of one query: scores to probabilities p, and dP (in ds) to dS.
FLATMIN_INLINE void score_gradients(float* p, float* ds, int64_t width, float lse, float dot) {
  const Vec shift = splat(lse), less = splat(dot);
  for (int64_t c = 0; c < width; c += kLanes) {
    const Vec e = exp_of(load(p + c) - shift);
    store(p + c, e);
    store(ds + c, e * (load(ds + c) - less));
  }
}

static void backward_head(const AttentionShape& s, const AttentionGradShape& g, const AttentionInputs& in, const float* o_tensor,
                          const float* lse, const float* d_o_tensor, const AttentionGradients& out, int64_t head, const BackwardScratch& w) {
  const Matrix<const float> q(in.q, s, s.q, head), k(in.k, s, s.k, head), v(in.v, s, s.v, head), mask(in.mask, s, s.mask, head);
  const Matrix<const float> o(o_tensor, s, s.o, head), d_o(d_o_tensor, s, g.d_o, head);
  const int64_t depth = padded(s.depth), value_depth = padded(s.value_depth), all_tiles = tiles(s), blocks = key_blocks(s);
  copy_rows(q, 0, s.queries, s.depth, w.q);
  copy_rows(d_o, 0, s.queries, s.value_depth, w.d_o);
  row_dots(w.d_o, o, s.queries, s.value_depth, w.dots);
  for (int64_t b = 0; b < blocks; b++) {
    const Range keys(s.keys, blocks, b);
    const int64_t stride = padded(keys.size());
    copy_transposed(k, keys.begin, keys.end, s.depth, w.kt);
    copy_transposed(v, keys.begin, keys.end, s.value_depth, w.vt);
    copy_rows(k, keys.begin, keys.end, s.depth, w.k);
    for (int64_t i = 0; i < keys.size() * depth; i++) w.dk[i] = 0;
    for (int64_t i = 0; i < keys.size() * value_depth; i++) w.dv[i] = 0;
    for (int64_t t = 0; t < all_tiles; t++) {
      const Range rows(s.queries, all_tiles, t);
      const int64_t seen = visible(s, rows.end - 1, keys.begin, keys.end);
      if (seen == 0) continue;
      const int64_t width = padded(seen);
      const float *q_rows = w.q + rows.begin * depth, *d_o_rows = w.d_o + rows.begin * value_depth;
      product<true>({q_rows, depth, w.kt, stride, w.p, stride, s.depth, 1, nullptr, nullptr, false}, rows.size(), width);
      product<true>({d_o_rows, value_depth, w.vt, stride, w.ds, stride, s.value_depth, 1, nullptr, nullptr, false}, rows.size(), width);
      for (int64_t r = 0; r < rows.size(); r++) {
        const int64_t query = rows.begin + r;
        const float* mask_row = in.mask ? mask.data + query * mask.row + keys.begin * mask.column : nullptr;
        finish_scores(s, w.p + r * stride, visible(s, query, keys.begin, keys.end), width, mask_row, mask.column);
        score_gradients(w.p + r * stride, w.ds + r * stride, width, lse[head * s.queries + query], w.dots[query]);
      }
      if (out.dv)
        product<false>({w.p, stride, d_o_rows, value_depth, w.dv, value_depth, rows.size(), 1, nullptr, nullptr, true}, seen, value_depth);
      if (out.dk) product<false>({w.ds, stride, q_rows, depth, w.dk, depth, rows.size(), 1, nullptr, nullptr, true}, seen, depth);
      if (out.dq)
        product<true>({w.ds, stride, w.k, depth, w.dq + rows.begin * depth, depth, seen, 1, nullptr, nullptr, b > 0}, rows.size(), depth);
    }
    const auto plain = [](int64_t) { return 1.0f; };
    const auto dk_scale = [&](int64_t) { return g.dk_scale; };
    if (out.dv) write_rows(w.dv, keys.begin, keys.end, s.value_depth, plain, Matrix<float>(out.dv, s, g.dv, head));
    if (out.dk) write_rows(w.dk, keys.begin, keys.end, s.depth, dk_scale, Matrix<float>(out.dk, s, g.dk, head));
  }
  const auto dq_scale = [&](int64_t) { return g.dq_scale; };
  if (out.dq) write_rows(w.dq, 0, s.queries, s.depth, dq_scale, Matrix<float>(out.dq, s, g.dq, head));
}

static size_t backward_bytes(const AttentionShape& s) {
  Carver carver{nullptr};
  BackwardScratch(carver, s);
  return size_t(carver.used) * sizeof(float);
}

static size_t attention_backward_scratch(const AttentionShape& s, unsigned threads) { return backward_bytes(s) * threads; }

static void attention_backward(const AttentionShape& s, const AttentionGradShape& g, const AttentionInputs& in, const float* o,
                               const float* lse, const float* d_o, const AttentionGradients& out, void* scratch, const Parallel& parallel) {
  const size_t bytes = backward_bytes(s);
  for_each_item(parallel, heads(s), [&](int64_t head, int64_t worker) {
    Carver carver{reinterpret_cast<float*>(static_cast<char*>(scratch) + size_t(worker) * bytes)};
    backward_head(s, g, in, o, lse, d_o, out, head, BackwardScratch(carver, s));
  });
}

}  // namespace flatmin::kernels::FLATMIN_ISA
