// One instruction set's kernels, as the dispatcher sees them.
#pragma once
#include "conv.h"

namespace flatmin::kernels {

/// A way to compute a convolution and its gradients.
struct ConvMethod {
  size_t (*forward_scratch)(const ConvShape&, unsigned threads);
  void (*forward)(const ConvShape&, const float* x, const float* w, const float* bias, float* y, void* scratch, const Parallel&);
  size_t (*grad_input_scratch)(const ConvShape&, unsigned threads);
  void (*grad_input)(const ConvShape&, const float* dy, const float* w, float* dx, void* scratch, const Parallel&);
  size_t (*grad_weight_scratch)(const ConvShape&, unsigned threads);
  void (*grad_weight)(const ConvShape&, const float* x, const float* dy, float* dw, void* scratch, const Parallel&);
};

struct ConvTable {
  ConvMethod winograd, direct, depthwise;
};

extern const ConvTable kAvx512Table, kAvx2Table, kGenericTable;

}  // namespace flatmin::kernels
