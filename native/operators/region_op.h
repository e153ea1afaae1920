// The op Region: a fused region of a graph.
#pragma once

#include <memory>

#include "kernel_op.h"

namespace flatmin {

// Region(any inputs; axes, columns, input_strides, output_strides, output_dims, code, constants) → outputs.
// Attributes: region::Description. Inputs are float32 or bool, outputs float32.
std::unique_ptr<Kernel> create_region(const NodeAttributes& node);

}  // namespace flatmin
