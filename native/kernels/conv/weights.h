// Weights as matrices [in, out] whose out channels lie in vectors: for the forward pass, and, with the roles of the channels
// swapped and the taps turned by 180 degrees, for the gradient with respect to the input.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

constexpr int kPanel = 32;  // out channels of a packed panel

struct Weights {
  const float* data;
  int64_t in, out, taps;
  int64_t in_stride, out_stride;
  bool turned;

  static Weights forward(const ConvShape& s, const float* w) {
    const int64_t taps = s.kernel_h * s.kernel_w;
    return {w, s.in_channels, s.out_channels, taps, taps, s.in_channels * taps, false};
  }
  static Weights backward(const ConvShape& s, const float* w) {
    const int64_t taps = s.kernel_h * s.kernel_w;
    return {w, s.out_channels, s.in_channels, taps, s.in_channels * taps, taps, true};
  }
  int64_t panels() const { return ceil_div(out, kPanel); }
  /// Columns, a multiple of 16, that are in use of a panel.
  int64_t columns(int64_t panel) const { return min_of(kPanel, round_up(out - panel * kPanel, kGroup)); }

  /// Floats that `gather` may fill for `count` in channels.
  int64_t gathered(int64_t count) const { return count * taps * kGroup; }

  /// to[k][tap][16]: the taps of in channels [first, first + count) for out channels [group, group + 16).
  void gather(int64_t first, int64_t count, int64_t group, float* to) const {
    const int64_t valid = min_of(kGroup, out - group);
    const float* from = data + first * in_stride + group * out_stride;
    if (in_stride == taps) {
      planes_to_pixels(from, out_stride, valid, 1, count * taps, {to, 0, kGroup});
    } else {
      for (int64_t k = 0; k < count; k++)
        planes_to_pixels(from + k * in_stride, out_stride, valid, 1, taps, {to + k * taps * kGroup, 0, kGroup});
    }
  }

  /// Floats of a packed panel: [tap][in][32], taps in the order in which the images are read.
  int64_t packed() const { return taps * in * kPanel; }
  /// Packs in channels [first, first + count) of a panel.
  void pack(int64_t panel, int64_t first, int64_t count, float* gathered, float* to) const {
    for (int64_t g = 0; g < columns(panel); g += kGroup) {
      gather(first, count, panel * kPanel + g, gathered);
      for (int64_t k = 0; k < count; k++)
        for (int64_t t = 0; t < taps; t++) {
          const float* from = gathered + (k * taps + (turned ? taps - 1 - t : t)) * kGroup;
          for (int v = 0; v < kGroup; v += kLanes) store(to + (t * in + first + k) * kPanel + g + v, load(from + v));
        }
    }
  }
};

}  // namespace flatmin::kernels::FLATMIN_ISA
