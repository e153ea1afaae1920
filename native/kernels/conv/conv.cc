#include "conv.h"

#include <initializer_list>

#include "../../base/instruction_set.h"
#include "conv_table.h"

namespace flatmin::kernels {
namespace {

const ConvTable& chosen_table() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512: return kAvx512Table;
    case InstructionSet::avx2: return kAvx2Table;
    case InstructionSet::generic: break;
  }
#endif
  return kGenericTable;
}

const ConvTable& table() {
  static const ConvTable& chosen = chosen_table();
  return chosen;
}

// Winograd's form, F(4x4, 3x3), was the faster one at every 3x3, stride-1 shape measured (1 to 128 images of 2 to 32 pixels a side, 8 to
// 640 channels) by a factor of 1.3 to 4, except with few channels to sum over (the 3 of an image).
constexpr int64_t kWinogradDepth = 8;

bool has_winograd(const ConvShape& s) {
  return s.groups == 1 && s.x_channels == s.in_channels && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_h == 1 && s.stride_w == 1 &&
         s.dilation_h == 1 && s.dilation_w == 1;
}

const ConvMethod& method(const ConvShape& s, int64_t summed_channels) {
  if (s.groups == s.in_channels && s.x_channels == s.in_channels) return table().depthwise;
  return has_winograd(s) && summed_channels >= kWinogradDepth ? table().winograd : table().direct;
}

const ConvMethod& forward_method(const ConvShape& s) { return method(s, s.in_channels); }
const ConvMethod& grad_input_method(const ConvShape& s) { return method(s, s.out_channels); }
const ConvMethod& grad_weight_method(const ConvShape& s) { return method(s, kWinogradDepth); }

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

// One axis of the window: pads not negative and below its extent, output not empty.
bool window_fits(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after) {
  for (const int64_t extent : {in, kernel, stride, dilation})
    if (extent <= 0 || extent > kMostExtent) return false;
  const int64_t reach = (kernel - 1) * dilation + 1;
  return reach <= kMostExtent && before >= 0 && after >= 0 && before < reach && after < reach && in + before + after >= reach;
}

bool groups_fit(const ConvShape& s) {
  return s.groups > 0 && s.in_channels > 0 && s.out_channels > 0 && s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0;
}

// A shape as convolutions of one group that follow one another, and the tensors of one of them. Depthwise kernels take all groups at once.
struct Groups {
  explicit Groups(const ConvShape& whole) : shape(whole) {
    if (whole.groups == 1 || whole.groups == whole.in_channels) return;
    count = whole.groups;
    shape.groups = 1;
    shape.in_channels /= count, shape.out_channels /= count;
  }
  template <class Float>
  Float* x(Float* all, int64_t group) const { return all + group * shape.in_channels * shape.in_height * shape.in_width; }
  template <class Float>
  Float* y(Float* all, int64_t group) const { return all + group * shape.out_channels * shape.out_height() * shape.out_width(); }
  template <class Float>
  Float* w(Float* all, int64_t group) const { return all + group * shape.out_channels * shape.in_channels * shape.kernel_h * shape.kernel_w; }
  const float* bias(const float* all, int64_t group) const { return all ? all + group * shape.out_channels : nullptr; }

  ConvShape shape;
  int64_t count = 1;
};

}  // namespace

bool conv_supported(const ConvShape& s) {
  return groups_fit(s) && window_fits(s.in_height, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top, s.pad_bottom) &&
         window_fits(s.in_width, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left, s.pad_right) &&
         fits({s.batch, s.in_channels, s.in_height + s.pad_top + s.pad_bottom, s.in_width + s.pad_left + s.pad_right}) &&
         fits({s.batch, s.out_channels, s.out_height(), s.out_width()}) && fits({s.out_channels, s.in_channels / s.groups, s.kernel_h, s.kernel_w});
}

size_t conv_forward_scratch(const ConvShape& s, unsigned threads) {
  const Groups groups(s);
  return forward_method(groups.shape).forward_scratch(groups.shape, threads);
}

void conv_forward(const ConvShape& s, const float* x, const float* w, const float* bias, float* y, void* scratch, const Parallel& parallel) {
  const Groups groups(s);
  for (int64_t g = 0; g < groups.count; g++)
    forward_method(groups.shape).forward(groups.shape, groups.x(x, g), groups.w(w, g), groups.bias(bias, g), groups.y(y, g), scratch, parallel);
}

size_t conv_grad_input_scratch(const ConvShape& s, unsigned threads) {
  const Groups groups(s);
  return grad_input_method(groups.shape).grad_input_scratch(groups.shape, threads);
}

void conv_grad_input(const ConvShape& s, const float* dy, const float* w, float* dx, void* scratch, const Parallel& parallel) {
  const Groups groups(s);
  for (int64_t g = 0; g < groups.count; g++)
    grad_input_method(groups.shape).grad_input(groups.shape, groups.y(dy, g), groups.w(w, g), groups.x(dx, g), scratch, parallel);
}

size_t conv_grad_weight_scratch(const ConvShape& s, unsigned threads) {
  const Groups groups(s);
  return grad_weight_method(groups.shape).grad_weight_scratch(groups.shape, threads);
}

void conv_grad_weight(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch, const Parallel& parallel) {
  const Groups groups(s);
  for (int64_t g = 0; g < groups.count; g++)
    grad_weight_method(groups.shape).grad_weight(groups.shape, groups.x(x, g), groups.y(dy, g), groups.w(dw, g), scratch, parallel);
}

}  // namespace flatmin::kernels
