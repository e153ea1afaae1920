#include "attention.h"
#include <initializer_list>
#include "../../base/instruction_set.h"
#include "attention_table.h"

namespace flatmin::kernels {
namespace {

const AttentionTable& table() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512: return kAvx512Attention;
    case InstructionSet::avx2: return kAvx2Attention;
    case InstructionSet::generic: break;
  }
#endif
  return kGenericAttention;
}

constexpr int64_t kMostExtent = int64_t(1) << 24;

}  // namespace

bool attention_supported(const AttentionShape& s) {
  for (const int64_t extent : {s.queries, s.keys, s.depth, s.value_depth})
    if (extent <= 0 || extent > kMostExtent) return false;
  int64_t heads = 1;
  for (int64_t axis = 0; axis < s.rank; axis++) {
    if (s.batch[axis] <= 0 || s.batch[axis] > kMostExtent / heads) return false;
    heads *= s.batch[axis];
  }
  return s.queries <= (int64_t(1) << 40) / s.depth && s.queries <= (int64_t(1) << 40) / s.value_depth;
}

size_t attention_forward_scratch(const AttentionShape& shape, unsigned threads) { return table().forward_scratch(shape, threads); }

void attention_forward(const AttentionShape& shape, const AttentionInputs& in, float* o, float* lse, void* scratch, const Parallel& parallel) {
  table().forward(shape, in, o, lse, scratch, parallel);
}

size_t attention_backward_scratch(const AttentionShape& shape, unsigned threads) { return table().backward_scratch(shape, threads); }

void attention_backward(const AttentionShape& shape, const AttentionGradShape& grad, const AttentionInputs& in, const float* o,
                        const float* lse, const float* d_o, const AttentionGradients& out, void* scratch, const Parallel& parallel) {
  table().backward(shape, grad, in, o, lse, d_o, out, scratch, parallel);
}

}  // namespace flatmin::kernels
