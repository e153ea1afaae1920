// The steps of one instruction set: FLATMIN_ISA, in the table FLATMIN_STEPS.
#include "../../base/vectorize.h"
#include "functions.h"

namespace flatmin::kernels::region {
namespace FLATMIN_ISA {

#define FLATMIN_REGION_MAP(name, operands, expression)                                                     \
  struct name {                                                                                            \
    static FLATMIN_INLINE float of([[maybe_unused]] float a, [[maybe_unused]] float b, [[maybe_unused]] float c) { return expression; } \
  };
#include "ops.def"

template <class Function, bool A, bool B, bool C>
void map(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) {
    float* dst = x.dst + row * x.dst_row;
    const float* a = static_cast<const float*>(x.src[0]) + row * x.src_row[0];
    const float* b = static_cast<const float*>(x.src[1]) + row * x.src_row[1];
    const float* c = static_cast<const float*>(x.src[2]) + row * x.src_row[2];
    const float a0 = *a, b0 = *b, c0 = *c;
    FLATMIN_INDEPENDENT
    for (int64_t i = 0; i < x.columns; ++i) dst[i] = Function::of(A ? a0 : a[i], B ? b0 : b[i], C ? c0 : c[i]);
  }
}

// Angles too large for the vectorised reduction.
template <class Function, float (*Exact)(float)>
void map_angle(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) {
    float* dst = x.dst + row * x.dst_row;
    const float* a = static_cast<const float*>(x.src[0]) + row * x.src_row[0];
    float most = 0;
    for (int64_t i = 0; i < x.columns; ++i) most = std::fabs(a[i]) > most ? std::fabs(a[i]) : most;
    if (most < kMostAngle) {
      FLATMIN_INDEPENDENT
      for (int64_t i = 0; i < x.columns; ++i) {
        const float y = Function::of(a[i], 0.0f, 0.0f);
        dst[i] = a[i] != a[i] ? a[i] : y;
      }
    } else {
      for (int64_t i = 0; i < x.columns; ++i) {
        const bool large = !(std::fabs(a[i]) < kMostAngle);
        dst[i] = large ? Exact(a[i]) : Function::of(a[i], 0.0f, 0.0f);
      }
    }
  }
}

template <class T>
FLATMIN_INLINE void copy(const StepArgs& x) {
  constexpr int64_t block = 16;  // floats of a cache line
  const T* src = static_cast<const T*>(x.src[0]);
  if (x.src_column == 1 && x.dst_column == 1) {
    for (int64_t row = 0; row < x.rows; ++row) {
      FLATMIN_INDEPENDENT
      for (int64_t i = 0; i < x.columns; ++i) x.dst[row * x.dst_row + i] = src[row * x.src_row[0] + i];
    }
    return;
  }
  for (int64_t row0 = 0; row0 < x.rows; row0 += block) {
    const int64_t rows = x.rows - row0 < block ? x.rows - row0 : block;
    for (int64_t i = 0; i < x.columns; ++i) {
      const T* from = src + row0 * x.src_row[0] + i * x.src_column;
      float* to = x.dst + row0 * x.dst_row + i * x.dst_column;
      for (int64_t row = 0; row < rows; ++row) to[row * x.dst_row] = from[row * x.src_row[0]];
    }
  }
}

inline void copy_floats(const StepArgs& x) { copy<float>(x); }
inline void copy_bools(const StepArgs& x) { copy<uint8_t>(x); }

template <bool Max>
void clear(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) x.sums[row] = Max ? -kInfinity : 0.0f;
}

// Partial results of a row: column i is in number i mod lanes, whatever the width of a vector.
constexpr int64_t kSumLanes = 32;

template <bool Max>
FLATMIN_INLINE float joined(float a, float b) { return Max ? (a > b || a != a ? a : b) : a + b; }

template <bool Max>
void reduce(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* a = static_cast<const float*>(x.src[0]) + row * x.src_row[0];
    float lanes[kSumLanes];
    for (int64_t lane = 0; lane < kSumLanes; ++lane) lanes[lane] = Max ? -kInfinity : 0.0f;
    int64_t i = 0;
    for (; i + kSumLanes <= x.columns; i += kSumLanes)
      for (int64_t lane = 0; lane < kSumLanes; ++lane) lanes[lane] = joined<Max>(lanes[lane], a[i + lane]);
    for (int64_t lane = 0; i + lane < x.columns; ++lane) lanes[lane] = joined<Max>(lanes[lane], a[i + lane]);
    for (int64_t half = kSumLanes / 2; half > 0; half /= 2)
      for (int64_t lane = 0; lane < half; ++lane) lanes[lane] = joined<Max>(lanes[lane], lanes[lane + half]);
    if (Max) {
      x.sums[row] = joined<true>(static_cast<float>(x.sums[row]), lanes[0]);
    } else {
      x.sums[row] += lanes[0];
    }
  }
}

inline void finish(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) x.dst[row] = static_cast<float>(x.sums[row]);
}

inline void column_sum(const StepArgs& x) {
  constexpr int64_t width = 64, most_rows = 64;  // float sums go to double ones after so many rows
  const float* src = static_cast<const float*>(x.src[0]);
  for (int64_t row0 = 0; row0 < x.rows; row0 += most_rows) {
    const int64_t rows = x.rows - row0 < most_rows ? x.rows - row0 : most_rows;
    int64_t i = 0;
    for (; i + width <= x.columns; i += width) {
      float lanes[width] = {};
      const float* a = src + row0 * x.src_row[0] + i;
      for (int64_t row = 0; row < rows; ++row, a += x.src_row[0])
        for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += a[lane];
      for (int64_t lane = 0; lane < width; ++lane) x.sums[i + lane] += lanes[lane];
    }
    for (; i < x.columns; ++i) {
      float sum = 0;
      for (int64_t row = row0; row < row0 + rows; ++row) sum += src[row * x.src_row[0] + i];
      x.sums[i] += sum;
    }
  }
}

constexpr StepTable make_table() {
  StepTable table{};
  constexpr auto number = [](Op op) { return static_cast<size_t>(op); };
  const auto unary = [&]<class F>(Op op, F) { table.map[number(op)][0] = map<F, false, false, false>; };
  const auto binary = [&]<class F>(Op op, F) {
    table.map[number(op)][0] = map<F, false, false, false>;
    table.map[number(op)][1] = map<F, true, false, false>;
    table.map[number(op)][2] = map<F, false, true, false>;
  };
  const auto ternary = [&]<class F>(Op op, F f) {
    binary(op, f);
    table.map[number(op)][3] = map<F, true, true, false>;
    table.map[number(op)][4] = map<F, false, false, true>;
    table.map[number(op)][5] = map<F, true, false, true>;
    table.map[number(op)][6] = map<F, false, true, true>;
  };
#define FLATMIN_REGION_MAP(name, operands, expression) operands(Op::name, name{});
#include "ops.def"
  table.map[number(Op::Copy)][1] = map<Copy, true, false, false>;
  table.map[number(Op::Sin)][0] = map_angle<Sin, std::sin>;
  table.map[number(Op::Cos)][0] = map_angle<Cos, std::cos>;
  table.copy_floats = copy_floats;
  table.copy_bools = copy_bools;
  table.clear_sum = clear<false>;
  table.clear_max = clear<true>;
  table.add_sum = reduce<false>;
  table.add_max = reduce<true>;
  table.finish = finish;
  table.column_sum = column_sum;
  return table;
}

}  // namespace FLATMIN_ISA

constinit const StepTable FLATMIN_STEPS = FLATMIN_ISA::make_table();

}  // namespace flatmin::kernels::region
