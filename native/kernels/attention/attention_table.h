// One instruction set's kernels, as the dispatcher sees them.
#pragma once
#include "attention.h"

namespace flatmin::kernels {

struct AttentionTable {
  decltype(&attention_forward_scratch) forward_scratch;
  decltype(&attention_forward) forward;
  decltype(&attention_backward_scratch) backward_scratch;
  decltype(&attention_backward) backward;
};

extern const AttentionTable kAvx512Attention, kAvx2Attention, kGenericAttention;

}  // namespace flatmin::kernels
