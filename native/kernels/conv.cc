#include "conv.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include "conv_table.h"

namespace flatmin::kernels {
namespace {

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

std::atomic<const ConvTable*>& current() {
  static std::atomic<const ConvTable*> table{&table_of(wanted_isa())};
  return table;
}

const ConvTable& table() { return *current().load(std::memory_order_relaxed); }

// Winograd's form was the faster one at every 3x3, stride-1 shape measured (1 to 128 images of 2 to 32 pixels a side, 8 to 640
// channels) by a factor of 1.3 to 4, except with few channels to sum over (the 3 of an image).
constexpr int64_t kWinogradDepth = 8;

bool use_winograd(const ConvShape& s, ConvForm form, bool deep) {
  if (s.kernel_h != 3 || s.kernel_w != 3 || s.stride_h != 1 || s.stride_w != 1) return false;
  return form == ConvForm::winograd || (form == ConvForm::automatic && deep);
}

bool winograd_forward(const ConvShape& s, ConvForm form) { return use_winograd(s, form, s.in_channels >= kWinogradDepth); }
bool winograd_grad_input(const ConvShape& s, ConvForm form) { return use_winograd(s, form, s.out_channels >= kWinogradDepth); }
bool winograd_grad_weight(const ConvShape& s, ConvForm form) { return use_winograd(s, form, true); }

}  // namespace

Isa best_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::generic;
}

void set_isa(Isa isa) {
  const Isa best = best_isa();
  current().store(&table_of(isa < best ? best : isa), std::memory_order_relaxed);
}

bool conv_supported(const ConvShape& s) {
  return s.batch > 0 && s.in_channels > 0 && s.out_channels > 0 && s.kernel_h > 0 && s.kernel_w > 0 && s.stride_h > 0 && s.stride_w > 0 &&
         s.pad_top >= 0 && s.pad_left >= 0 && s.pad_bottom >= 0 && s.pad_right >= 0 && s.pad_top < s.kernel_h && s.pad_bottom < s.kernel_h &&
         s.pad_left < s.kernel_w && s.pad_right < s.kernel_w && s.in_height + s.pad_top + s.pad_bottom >= s.kernel_h &&
         s.in_width + s.pad_left + s.pad_right >= s.kernel_w && s.in_height > 0 && s.in_width > 0;
}

size_t conv_forward_scratch(const ConvShape& s, unsigned threads, ConvForm form) {
  return winograd_forward(s, form) ? table().winograd_forward_scratch(s, threads) : table().direct_forward_scratch(s, threads);
}

void conv_forward(const ConvShape& s, const float* x, const float* w, float* y, void* scratch, const Parallel& parallel, ConvForm form) {
  (winograd_forward(s, form) ? table().winograd_forward : table().direct_forward)(s, x, w, y, scratch, parallel);
}

size_t conv_grad_input_scratch(const ConvShape& s, unsigned threads, ConvForm form) {
  return winograd_grad_input(s, form) ? table().winograd_grad_input_scratch(s, threads) : table().direct_grad_input_scratch(s, threads);
}

void conv_grad_input(const ConvShape& s, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel,
                     ConvForm form) {
  (winograd_grad_input(s, form) ? table().winograd_grad_input : table().direct_grad_input)(s, dy, w, dx, scratch, parallel);
}

size_t conv_grad_weight_scratch(const ConvShape& s, unsigned threads, ConvForm form) {
  return winograd_grad_weight(s, form) ? table().winograd_grad_weight_scratch(s, threads) : table().direct_grad_weight_scratch(s, threads);
}

void conv_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel,
                      ConvForm form) {
  (winograd_grad_weight(s, form) ? table().winograd_grad_weight : table().direct_grad_weight)(s, x, dy, dw, scratch, parallel);
}

}  // namespace flatmin::kernels
