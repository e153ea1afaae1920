#pragma once
#include <cstddef>
#include <cstdint>
#include "../conv/conv.h"

namespace flatmin::kernels {

/// Where the elements of a tensor [batch..., row, column] lie: (b0, ..., row, column) at offset + b0*strides[0] + ... + row*strides[rank]
/// + column*strides[rank + 1], with `rank` axes of the batch.
struct HeadView {
  int64_t offset;
  const int64_t* strides;
};

/// Attention of each element (a head) of a batch: O = softmax(scale * Q Kᵀ + mask) V, with Q [queries, depth], K [keys, depth],
/// V [keys, value_depth]. Causal: query i sees keys 0 to i alone.
struct AttentionShape {
  const int64_t* batch;
  int64_t rank;  // of the batch
  int64_t queries, keys, depth, value_depth;
  float scale;
  bool causal;
  HeadView q, k, v, o, mask;  // mask [batch..., queries, keys], of any strides, 0 too
};

/// What the gradient has beside that; dQ is of the shape of Q and so on.
struct AttentionGradShape {
  HeadView d_o, dq, dk, dv;
  float dq_scale, dk_scale;  // dQ = dq_scale * dS K, dK = dk_scale * dSᵀ Q
};

struct AttentionInputs {
  const float *q, *k, *v, *mask;  // mask may be null
};

/// Null where a gradient is not wanted.
struct AttentionGradients {
  float *dq, *dk, *dv;
};

/// Whether sizes are positive, and so small that no size of scratch memory overflows.
bool attention_supported(const AttentionShape& shape);

/// O, and for each query of each head the logarithm of the sum of exponentials: lse [batch..., queries]. `scratch` holds
/// attention_forward_scratch bytes, at 64-byte alignment.
size_t attention_forward_scratch(const AttentionShape& shape, unsigned threads);
void attention_forward(const AttentionShape& shape, const AttentionInputs& in, float* o, float* lse, void* scratch, const Parallel& parallel);

/// Gradients of sum(O * dO): probabilities are computed again from lse, block by block.
size_t attention_backward_scratch(const AttentionShape& shape, unsigned threads);
void attention_backward(const AttentionShape& shape, const AttentionGradShape& grad, const AttentionInputs& in, const float* o,
                        const float* lse, const float* d_o, const AttentionGradients& out, void* scratch, const Parallel& parallel);

}  // namespace flatmin::kernels
