#include "conv.h"
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include "conv_table.h"

namespace flatmin::kernels {
namespace {

/// Instruction sets, best first.
enum class Isa { avx512, avx2, generic };

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::generic;
}

const ConvTable& table_of([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return kAvx512Table;
  if (isa == Isa::avx2) return kAvx2Table;
#endif
  return kGenericTable;
}

// FLATMIN_ISA=avx2 or generic holds the kernels back to an older instruction set, for tests and comparisons.
Isa wanted_isa() {
  const char* name = std::getenv("FLATMIN_ISA");
  if (name && std::strcmp(name, "generic") == 0) return Isa::generic;
  if (name && std::strcmp(name, "avx2") == 0 && best_isa() < Isa::avx2) return Isa::avx2;
  return best_isa();
}

const ConvTable& table() {
  static const ConvTable& chosen = table_of(wanted_isa());
  return chosen;
}

// Winograd's form, F(4x4, 3x3), was the faster one at every 3x3, stride-1 shape measured (1 to 128 images of 2 to 32 pixels a side, 8 to
// 640 channels) by a factor of 1.3 to 4, except with few channels to sum over (the 3 of an image).
constexpr int64_t kWinogradDepth = 8;

bool has_winograd(const ConvShape& s) { return s.kernel_h == 3 && s.kernel_w == 3 && s.stride_h == 1 && s.stride_w == 1; }

bool winograd_forward(const ConvShape& s) { return has_winograd(s) && s.in_channels >= kWinogradDepth; }
bool winograd_grad_input(const ConvShape& s) { return has_winograd(s) && s.out_channels >= kWinogradDepth; }
bool winograd_grad_weight(const ConvShape& s) { return has_winograd(s); }

// Bounds below which no index, sum or size of scratch memory that the kernels compute overflows.
constexpr int64_t kMostExtent = INT32_MAX;
constexpr int64_t kMostElements = int64_t(1) << 40;

bool fits(std::initializer_list<int64_t> extents) {
  int64_t elements = 1;
  for (const int64_t extent : extents) {
    if (extent <= 0 || extent > kMostElements / elements) return false;
    elements *= extent;
  }
  return true;
}

// One axis of the window: pads not negative and below the kernel's size, output not empty.
bool window_fits(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after) {
  for (const int64_t extent : {in, kernel, stride})
    if (extent <= 0 || extent > kMostExtent) return false;
  return before >= 0 && after >= 0 && before < kernel && after < kernel && in + before + after >= kernel;
}

}  // namespace

bool conv_supported(const ConvShape& s) {
  return window_fits(s.in_height, s.kernel_h, s.stride_h, s.pad_top, s.pad_bottom) &&
         window_fits(s.in_width, s.kernel_w, s.stride_w, s.pad_left, s.pad_right) &&
         fits({s.batch, s.in_channels, s.in_height + s.pad_top + s.pad_bottom, s.in_width + s.pad_left + s.pad_right}) &&
         fits({s.batch, s.out_channels, s.out_height(), s.out_width()}) && fits({s.out_channels, s.in_channels, s.kernel_h, s.kernel_w});
}

size_t conv_forward_scratch(const ConvShape& s, unsigned threads) {
  return winograd_forward(s) ? table().winograd_forward_scratch(s, threads) : table().direct_forward_scratch(s, threads);
}

void conv_forward(const ConvShape& s, const float* x, const float* w, float* y, void* scratch, const Parallel& parallel) {
  (winograd_forward(s) ? table().winograd_forward : table().direct_forward)(s, x, w, y, scratch, parallel);
}

size_t conv_grad_input_scratch(const ConvShape& s, unsigned threads) {
  return winograd_grad_input(s) ? table().winograd_grad_input_scratch(s, threads) : table().direct_grad_input_scratch(s, threads);
}

void conv_grad_input(const ConvShape& s, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel) {
  (winograd_grad_input(s) ? table().winograd_grad_input : table().direct_grad_input)(s, dy, w, dx, scratch, parallel);
}

size_t conv_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  return winograd_grad_weight(s) ? table().winograd_grad_weight_scratch(s, threads) : table().direct_grad_weight_scratch(s, threads);
}

void conv_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  (winograd_grad_weight(s) ? table().winograd_grad_weight : table().direct_grad_weight)(s, x, dy, dw, scratch, parallel);
}

}  // namespace flatmin::kernels
