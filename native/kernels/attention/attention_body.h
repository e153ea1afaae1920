// All kernels of one instruction set, in the namespace FLATMIN_ISA, and their table. The including file fixes the instruction set.
#pragma once
#include "../conv/simd.h"
#include "../conv/gemm_kernel.h"
#include "../conv/work.h"
#include "exp.h"
#include "blocks.h"
#include "copy.h"
#include "forward.h"
#include "backward.h"

namespace flatmin::kernels {

extern const AttentionTable FLATMIN_TABLE;
const AttentionTable FLATMIN_TABLE = {
    FLATMIN_ISA::attention_forward_scratch,
    FLATMIN_ISA::attention_forward,
    FLATMIN_ISA::attention_backward_scratch,
    FLATMIN_ISA::attention_backward,
};

}  // namespace flatmin::kernels
