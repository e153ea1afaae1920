// One instruction set's kernels, as the dispatcher sees them.
#pragma once
#include "conv.h"

namespace flatmin::kernels {

struct ConvTable {
  size_t (*winograd_forward_scratch)(const ConvShape&, unsigned threads);
  void (*winograd_forward)(const ConvShape&, const float* x, const float* w, float* y, void* scratch, const Parallel&);
  size_t (*winograd_grad_input_scratch)(const ConvShape&, unsigned threads);
  void (*winograd_grad_input)(const ConvShape&, const float* dy, const float* w, float* dx, void* scratch, const Parallel&);
  size_t (*winograd_grad_weight_scratch)(const ConvShape&, unsigned threads);
  void (*winograd_grad_weight)(const ConvShape&, const float* x, const float* dy, float* dw, void* scratch, const Parallel&);
  size_t (*direct_forward_scratch)(const ConvShape&, unsigned threads);
  void (*direct_forward)(const ConvShape&, const float* x, const float* w, float* y, void* scratch, const Parallel&);
  size_t (*direct_grad_input_scratch)(const ConvShape&, unsigned threads);
  void (*direct_grad_input)(const ConvShape&, const float* dy, const float* w, float* dx, void* scratch, const Parallel&);
  size_t (*direct_grad_weight_scratch)(const ConvShape&, unsigned threads);
  void (*direct_grad_weight)(const ConvShape&, const float* x, const float* dy, float* dw, void* scratch, const Parallel&);
};

extern const ConvTable kAvx512Table, kAvx2Table, kGenericTable;

}  // namespace flatmin::kernels
