// flatmin's own CPU kernels as ONNX Runtime custom ops, domain "flatmin".
#pragma once

#include "ort_api.h"

namespace flatmin {

class Library;

// The domain with every kernel in it; lives as long as the library.
OrtCustomOpDomain* make_kernel_domain(const Library& library);

}  // namespace flatmin
