// The operators of batch normalisation.
#pragma once

#include <array>

#include "kernel_op.h"

namespace flatmin {

const std::array<KernelSpec, 8>& batch_norm_specs();

}  // namespace flatmin
