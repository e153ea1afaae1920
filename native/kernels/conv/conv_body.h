// All kernels of one instruction set, in the namespace FLATMIN_ISA, and their table. The including file fixes the instruction set.
#pragma once
#include "simd.h"
#include "gemm_kernel.h"
#include "work.h"
#include "layout.h"
#include "weights.h"
#include "winograd/transform.h"
#include "winograd/tiles.h"
#include "winograd/forward.h"
#include "winograd/grad_weight.h"
#include "direct/forward.h"
#include "direct/grad_input.h"
#include "direct/grad_weight.h"
#include "depthwise/taps.h"
#include "depthwise/rows.h"
#include "depthwise/tiles.h"
#include "depthwise/forward.h"
#include "depthwise/grad_weight.h"

namespace flatmin::kernels {

extern const ConvTable FLATMIN_TABLE;
#define FLATMIN_METHOD(name)                                                                                                  \
  {                                                                                                                           \
    FLATMIN_ISA::name##_forward_scratch, FLATMIN_ISA::name##_forward, FLATMIN_ISA::name##_grad_input_scratch,                 \
        FLATMIN_ISA::name##_grad_input, FLATMIN_ISA::name##_grad_weight_scratch, FLATMIN_ISA::name##_grad_weight              \
  }
const ConvTable FLATMIN_TABLE = {FLATMIN_METHOD(winograd), FLATMIN_METHOD(direct), FLATMIN_METHOD(depthwise)};
#undef FLATMIN_METHOD

}  // namespace flatmin::kernels
