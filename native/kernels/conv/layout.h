// Between planes (NCHW) and pixels of 16 channels (channels last), through transposes in registers.
#pragma once

namespace flatmin::kernels::FLATMIN_ISA {

/// Where the pixels of rows of `width` lie in a channels-last block: pixel (r, c) at data + r * row_stride + c * pixel_stride. Pixels of
/// fewer than 16 floats hold kLanes channels at most, and are written from first to last, each over its predecessor's excess.
struct PixelBlock {
  float* data;
  ptrdiff_t row_stride, pixel_stride;
  /// Floats that are written of a pixel; what lies beyond the last one's channels must be free to be written, too.
  int floats() const { return pixel_stride < kGroup ? kLanes : kGroup; }
};

/// Channels up to which pixels may lie close together.
constexpr int64_t kFewChannels = kLanes < 8 ? kLanes : 8;

/// Copies `rows` full rows of `width` pixels of up to 16 planes, `plane_stride` apart, to 16-channel pixels; missing channels become 0.
static void planes_to_pixels(const float* planes, int64_t plane_stride, int64_t channels, int64_t rows, int64_t width, PixelBlock to) {
  const int64_t pixels = rows * width;
  int64_t row = 0, column = 0;
  const auto next = [&]() __attribute__((always_inline)) {
    float* p = to.data + row * to.row_stride + column * to.pixel_stride;
    if (++column == width) column = 0, row++;
    return p;
  };
  int64_t done = 0;
  for (; done + kLanes <= pixels; done += kLanes) {
    float* at[kLanes];
    if (column + kLanes <= width) {
      float* p = to.data + row * to.row_stride + column * to.pixel_stride;
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) at[i] = p + i * to.pixel_stride;
      column += kLanes;
      if (column == width) column = 0, row++;
    } else {
      for (int i = 0; i < kLanes; i++) at[i] = next();
    }
    for (int g = 0; g < to.floats(); g += kLanes) {
      Vec v[kLanes];
      if (g + kLanes <= channels) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) v[i] = load(planes + (g + i) * plane_stride + done);
      } else {
        for (int i = 0; i < kLanes; i++) v[i] = g + i < channels ? load(planes + (g + i) * plane_stride + done) : Vec{};
      }
      transpose(v);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) store(at[i] + g, v[i]);
    }
  }
  const int rest = int(pixels - done);
  if (rest == 0) return;
  const float* const planes_end = planes + (channels - 1) * plane_stride + pixels;
  float* at[kLanes];
  for (int i = 0; i < rest; i++) at[i] = next();
  for (int g = 0; g < to.floats(); g += kLanes) {
    Vec v[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) {
      // A full load, which is faster, wherever it ends no later than the last plane does.
      const float* p = planes + (g + i) * plane_stride + done;
      v[i] = g + i >= channels ? Vec{} : p + kLanes <= planes_end ? load(p) : load_first(p, rest);
    }
    transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++)
      if (i < rest) store(at[i] + g, v[i]);
  }
}

/// The reverse: 16-channel pixels to `rows` full rows of `width` pixels of up to 16 planes. `bias`, unless null, has a number for each.
static void pixels_to_planes(PixelBlock from, int64_t rows, int64_t width, float* planes, int64_t plane_stride, int64_t channels,
                             const float* bias = nullptr) {
  const int64_t pixels = rows * width;
  int64_t row = 0, column = 0;
  const auto next = [&]() __attribute__((always_inline)) {
    const float* p = from.data + row * from.row_stride + column * from.pixel_stride;
    if (++column == width) column = 0, row++;
    return p;
  };
  int64_t done = 0;
  for (; done + kLanes <= pixels; done += kLanes) {
    const float* at[kLanes];
    if (column + kLanes <= width) {
      const float* p = from.data + row * from.row_stride + column * from.pixel_stride;
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) at[i] = p + i * from.pixel_stride;
      column += kLanes;
      if (column == width) column = 0, row++;
    } else {
      for (int i = 0; i < kLanes; i++) at[i] = next();
    }
    for (int g = 0; g < kGroup && g < channels; g += kLanes) {
      const Vec added = bias ? load_up_to(bias + g, channels - g) : Vec{};
      Vec v[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) v[i] = load(at[i] + g) + added;
      transpose(v);
      if (g + kLanes <= channels) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) store(planes + (g + i) * plane_stride + done, v[i]);
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++)
          if (g + i < channels) store(planes + (g + i) * plane_stride + done, v[i]);
      }
    }
  }
  const int rest = int(pixels - done);
  if (rest == 0) return;
  // Short planes that follow one another are stored in full, each next one over its predecessor's excess.
  float* const planes_end = done == 0 && plane_stride == pixels ? planes + channels * plane_stride : planes;
  const float* at[kLanes];
  for (int i = 0; i < rest; i++) at[i] = next();
  for (int g = 0; g < kGroup && g < channels; g += kLanes) {
    const Vec added = bias ? load_up_to(bias + g, channels - g) : Vec{};
    Vec v[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) v[i] = i < rest ? load(at[i] + g) + added : Vec{};
    transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) {
      float* p = planes + (g + i) * plane_stride + done;
      if (g + i >= channels) break;
      if (p + kLanes <= planes_end) {
        store(p, v[i]);
      } else {
        store_first(p, v[i], rest);
      }
    }
  }
}

/// Copies rows [first, first + rows) of 16 channels of one image, with zeros outside it, to a block of `columns` columns whose
/// column 0 is the image's column -left.
static void padded_pixels(const float* planes, int64_t height, int64_t width, int64_t channels, int64_t first, int64_t rows,
                          int64_t left, int64_t columns, PixelBlock to) {
  const auto clear = [&](int64_t row, int64_t from, int64_t end) __attribute__((always_inline)) {
    for (int64_t c = from; c < end; c++)
      for (int g = 0; g < to.floats(); g += kLanes) store(to.data + row * to.row_stride + c * to.pixel_stride + g, Vec{});
  };
  const int64_t begin = min_of(max_of(first, 0), height), end = max_of(begin, min_of(first + rows, height));
  for (int64_t r = 0; r < rows; r++) {
    if (first + r < begin || first + r >= end) {
      clear(r, 0, columns);
    } else {
      clear(r, 0, left);
      clear(r, left + width, columns);
    }
  }
  if (end > begin) {
    to.data += (begin - first) * to.row_stride + left * to.pixel_stride;
    planes_to_pixels(planes + begin * width, height * width, channels, end - begin, width, to);
  }
}

}  // namespace flatmin::kernels::FLATMIN_ISA
