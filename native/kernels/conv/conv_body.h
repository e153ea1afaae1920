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

namespace flatmin::kernels {

extern const ConvTable FLATMIN_TABLE;
const ConvTable FLATMIN_TABLE = {
    FLATMIN_ISA::winograd_forward_scratch,     FLATMIN_ISA::winograd_forward,     FLATMIN_ISA::winograd_grad_input_scratch,
    FLATMIN_ISA::winograd_grad_input,          FLATMIN_ISA::winograd_grad_weight_scratch, FLATMIN_ISA::winograd_grad_weight,
    FLATMIN_ISA::direct_forward_scratch,       FLATMIN_ISA::direct_forward,       FLATMIN_ISA::direct_grad_input_scratch,
    FLATMIN_ISA::direct_grad_input,            FLATMIN_ISA::direct_grad_weight_scratch,   FLATMIN_ISA::direct_grad_weight,
};

}  // namespace flatmin::kernels
