// Rows of planes in scratch: padded with zeros, split into phases for a stride, images side by side where they are narrow; and back.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

#if defined(__clang__)
#define FLATMIN_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FLATMIN_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, VecIndex{__VA_ARGS__})
#endif
#if FLATMIN_LANES == 16
FLATMIN_INLINE Vec even_lanes(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30); }
FLATMIN_INLINE Vec odd_lanes(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31); }
FLATMIN_INLINE Vec zip_low(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23); }
FLATMIN_INLINE Vec zip_high(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31); }
#elif FLATMIN_LANES == 8
FLATMIN_INLINE Vec even_lanes(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
FLATMIN_INLINE Vec odd_lanes(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15); }
FLATMIN_INLINE Vec zip_low(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
FLATMIN_INLINE Vec zip_high(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#else
FLATMIN_INLINE Vec even_lanes(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 0, 2, 4, 6); }
FLATMIN_INLINE Vec odd_lanes(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 1, 3, 5, 7); }
FLATMIN_INLINE Vec zip_low(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 0, 4, 1, 5); }
FLATMIN_INLINE Vec zip_high(Vec a, Vec b) { return FLATMIN_SHUFFLE(a, b, 2, 6, 3, 7); }
#endif
#undef FLATMIN_SHUFFLE

FLATMIN_INLINE void clear(float* p, int64_t floats) {
  for (int64_t i = 0; i < floats; i += kLanes) store_up_to(p + i, Vec{}, floats - i);
}

/// A row of scratch: `phases` rows of `phase_floats`; element e of an image's padded row is number e / phases of row e % phases, and image
/// g begins g * image_floats further on.
struct RowLayout {
  int64_t left, width, phases, phase_floats, images, image_floats;

  int64_t pitch() const { return phases * phase_floats; }
  /// Where padded element e of the first image is.
  int64_t at(int64_t e) const { return phases == 1 ? e : e % phases * phase_floats + e / phases; }

  /// Writes a row of an image between zeros that are there, and up to kLanes zeros more behind it.
  void fill(const float* row, float* to) const {
    if (phases == 1) {
      for (int64_t i = 0; i < width; i += kLanes) store(to + left + i, load_up_to(row + i, width - i));
    } else if (phases == 2) {
      float *even = to + at(left), *odd = to + at(left + 1);
      for (int64_t i = 0; i < width; i += 2 * kLanes) {
        const Vec a = load_up_to(row + i, width - i), b = load_up_to(row + i + kLanes, width - i - kLanes);
        store(even + i / 2, even_lanes(a, b));
        store(odd + i / 2, odd_lanes(a, b));
      }
    } else {
      for (int64_t i = 0; i < width; i++) to[at(left + i)] = row[i];
    }
  }

  /// The reverse, for rows without padding.
  void read(const float* from, float* row) const {
    if (phases == 1) {
      for (int64_t i = 0; i < width; i += kLanes) store_up_to(row + i, load_up_to(from + i, width - i), width - i);
    } else if (phases == 2) {
      const float* odd = from + phase_floats;
      for (int64_t i = 0; i < width; i += 2 * kLanes) {
        const Vec a = load_up_to(from + i / 2, (width - i + 1) / 2), b = load_up_to(odd + i / 2, (width - i) / 2);
        store_up_to(row + i, zip_low(a, b), width - i);
        store_up_to(row + i + kLanes, zip_high(a, b), width - i - kLanes);
      }
    } else {
      for (int64_t i = 0; i < width; i++) row[i] = from[at(i)];
    }
  }
};

/// Planes of one channel of several images, `stride` apart.
struct ChannelPlanes {
  const float* data;
  int64_t stride, height, width;
};

/// Rows [first, first + count) of `images` planes, with zeros outside them, to scratch that began as zeros and that nothing else writes;
/// it has kLanes floats to spare at its end.
static void fill_rows(ChannelPlanes planes, int64_t images, int64_t first, int64_t count, const RowLayout& layout, float* to) {
  for (int64_t r = 0; r < count; r++, to += layout.pitch()) {
    const int64_t row = first + r;
    const bool inside = row >= 0 && row < planes.height;
    if (!inside || images < layout.images) clear(to, layout.pitch());
    for (int64_t g = 0; inside && g < images; g++) layout.fill(planes.data + g * planes.stride + row * planes.width, to + g * layout.image_floats);
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
