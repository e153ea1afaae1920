// The operators of attention.
#pragma once

#include <array>

#include "kernel_op.h"

namespace flatmin {

const std::array<KernelSpec, 2>& attention_specs();

}  // namespace flatmin
