// The steps of one instruction set: FLATMIN_ISA, in the table FLATMIN_STEPS.
#include "../../base/vectorize.h"
#undef FLATMIN_INLINE
#include "../conv/simd.h"
#include "functions.h"

namespace flatmin::kernels::region {
namespace FLATMIN_ISA {

using namespace flatmin::kernels::FLATMIN_ISA;

#define FLATMIN_REGION_FUNCTION(name, expression)                                                                                  \
  struct name {                                                                                                                    \
    FLATMIN_INLINE float of([[maybe_unused]] float a, [[maybe_unused]] float b, [[maybe_unused]] float c) { return expression; } \
  };
#define FLATMIN_REGION_MAP(name, operands, expression) FLATMIN_REGION_FUNCTION(name, expression)
#define FLATMIN_REGION_FUSED(name, operands, inner, outer, side, expression) FLATMIN_REGION_FUNCTION(name, expression)
#include "ops.def"
#undef FLATMIN_REGION_FUNCTION

// What is left of a row after its whole lines is computed with the last line, which overlaps: before the loop that may write where it reads,
// and stored after it.
constexpr int64_t kLine = 16;

template <class Function, bool A, bool B, bool C>
void map(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) {
    float* dst = x.dst + row * x.dst_row;
    const float* a = static_cast<const float*>(x.src[0]) + row * x.src_row[0];
    const float* b = static_cast<const float*>(x.src[1]) + row * x.src_row[1];
    const float* c = static_cast<const float*>(x.src[2]) + row * x.src_row[2];
    const float a0 = *a, b0 = *b, c0 = *c;
    const auto of = [&](int64_t i) { return Function::of(A ? a0 : a[i], B ? b0 : b[i], C ? c0 : c[i]); };
    const int64_t columns = x.columns, lines = columns / kLine * kLine, last = columns - kLine;
    if (lines == 0) {
      FLATMIN_INDEPENDENT
      for (int64_t i = 0; i < columns; ++i) dst[i] = of(i);
      continue;
    }
    float end[kLine];
    if (lines != columns) {
      for (int64_t i = 0; i < kLine; ++i) end[i] = of(last + i);
    }
    FLATMIN_INDEPENDENT
    for (int64_t i = 0; i < lines; ++i) dst[i] = of(i);
    if (lines != columns) std::memcpy(dst + last, end, sizeof(end));
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

// to[i·to_step + j] = from[j·from_step + i] for i, j < kLanes
FLATMIN_INLINE void transpose_block(float* to, int64_t to_step, const float* from, int64_t from_step) {
  Vec lines[kLanes];
  for (int i = 0; i < kLanes; ++i) lines[i] = load(from + i * from_step);
  transpose(lines);
  for (int i = 0; i < kLanes; ++i) store(to + i * to_step, lines[i]);
}

// to[i·to_step + j] = from[j·from_step + i] for i < extent_i, j < extent_j, both kLanes at least: the last blocks overlap those before.
inline void transpose_all(float* to, int64_t to_step, const float* from, int64_t from_step, int64_t extent_i, int64_t extent_j) {
  constexpr int64_t block = 16;  // floats of a cache line
  const auto at = [](int64_t i, int64_t step, int64_t extent) { return i + step <= extent ? i : extent - step; };
  for (int64_t i0 = 0; i0 < extent_i; i0 += block) {
    for (int64_t j = 0; j < extent_j; j += kLanes) {
      const int64_t j_at = at(j, kLanes, extent_j);
      for (int64_t i = i0; i < i0 + block && i < extent_i; i += kLanes) {
        const int64_t i_at = at(i, kLanes, extent_i);
        transpose_block(to + i_at * to_step + j_at, to_step, from + j_at * from_step + i_at, from_step);
      }
    }
  }
}

template <class T>
FLATMIN_INLINE void copy(const StepArgs& x) {
  const T* src = static_cast<const T*>(x.src[0]);
  float* dst = x.dst;
  const int64_t rows = x.rows, columns = x.columns, src_row = x.src_row[0], src_column = x.src_column, dst_row = x.dst_row, dst_column = x.dst_column;
  if (src_column == 1 && dst_column == 1) {
    for (int64_t row = 0; row < rows; ++row) {
      const T* from = src + row * src_row;
      float* to = dst + row * dst_row;
      FLATMIN_INDEPENDENT
      for (int64_t i = 0; i < columns; ++i) to[i] = from[i];
    }
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (rows >= kLanes && columns >= kLanes) {
      if (src_row == 1 && dst_column == 1) return transpose_all(dst, dst_row, src, src_column, rows, columns);
      if (src_column == 1 && dst_row == 1) return transpose_all(dst, dst_column, src, src_row, columns, rows);
    }
  }
  for (int64_t i = 0; i < columns; ++i) {
    const T* from = src + i * src_column;
    float* to = dst + i * dst_column;
    FLATMIN_INDEPENDENT
    for (int64_t row = 0; row < rows; ++row) to[row * dst_row] = from[row * src_row];
  }
}

inline void copy_floats(const StepArgs& x) { copy<float>(x); }
inline void copy_bools(const StepArgs& x) { copy<uint8_t>(x); }

template <bool Max>
void clear(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) x.sums[row] = Max ? -kInfinity : 0.0f;
}

template <bool Max, class T>
FLATMIN_INLINE T joined(T a, T b) {
  if constexpr (Max) return ((a > b) | (a != a)) ? a : b;
  return a + b;
}

template <bool Max>
constexpr float kNothing = Max ? -kInfinity : 0.0f;

// The 16 lanes in a tree.
template <bool Max>
FLATMIN_INLINE float joined_lanes(float* lanes) {
  for (int64_t lane = 0; lane < 8; ++lane) lanes[lane] = joined<Max>(lanes[lane], lanes[lane + 8]);
  for (int64_t lane = 0; lane < 4; ++lane) lanes[lane] = joined<Max>(lanes[lane], lanes[lane + 4]);
  for (int64_t lane = 0; lane < 2; ++lane) lanes[lane] = joined<Max>(lanes[lane], lanes[lane + 2]);
  return joined<Max>(lanes[0], lanes[1]);
}

// A row's partial results: element i in number i mod 32 while whole lines of 16 last, then the rest of the row in its places in the last line.
template <bool Max>
void reduce(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* a = static_cast<const float*>(x.src[0]) + row * x.src_row[0];
    const int64_t columns = x.columns;
    float total = kNothing<Max>;
    if (columns < kLine) {
      for (int64_t i = 0; i < columns; ++i) total = joined<Max>(total, a[i]);
    } else {
      constexpr int vectors = kLine / kLanes;
      Vec even[vectors], odd[vectors];
      for (int v = 0; v < vectors; ++v) even[v] = odd[v] = splat(kNothing<Max>);
      int64_t i = 0;
      for (; i + 2 * kLine <= columns; i += 2 * kLine) {
        for (int v = 0; v < vectors; ++v) {
          even[v] = joined<Max>(even[v], load(a + i + v * kLanes));
          odd[v] = joined<Max>(odd[v], load(a + i + kLine + v * kLanes));
        }
      }
      if (i + kLine <= columns) {
        for (int v = 0; v < vectors; ++v) even[v] = joined<Max>(even[v], load(a + i + v * kLanes));
        i += kLine;
      }
      if (i < columns) {
        const auto counted = static_cast<int32_t>(i - (columns - kLine));
        for (int v = 0; v < vectors; ++v) {
          VecIndex lane;
          for (int at = 0; at < kLanes; ++at) lane[at] = v * kLanes + at;
          const Vec value = load(a + columns - kLine + v * kLanes);
          odd[v] = joined<Max>(odd[v], lane < counted ? splat(kNothing<Max>) : value);
        }
      }
      float lanes[kLine];
      for (int v = 0; v < vectors; ++v) store(lanes + v * kLanes, joined<Max>(even[v], odd[v]));
      total = joined_lanes<Max>(lanes);
    }
    if (Max) {
      x.sums[row] = joined<true>(static_cast<float>(x.sums[row]), total);
    } else {
      x.sums[row] += total;
    }
  }
}

inline void finish(const StepArgs& x) {
  for (int64_t row = 0; row < x.rows; ++row) x.dst[row] = static_cast<float>(x.sums[row]);
}

// `Width` neighbouring columns.
template <int64_t Width>
FLATMIN_INLINE void sum_columns(float* sums, const float* src, int64_t rows, int64_t src_row) {
  float lanes[Width];
  for (int64_t lane = 0; lane < Width; ++lane) lanes[lane] = sums[lane];
  for (int64_t row = 0; row < rows; ++row, src += src_row)
    for (int64_t lane = 0; lane < Width; ++lane) lanes[lane] += src[lane];
  for (int64_t lane = 0; lane < Width; ++lane) sums[lane] = lanes[lane];
}

inline void column_sum(const StepArgs& x) {
  const float* src = static_cast<const float*>(x.src[0]);
  const int64_t rows = x.rows, columns = x.columns, src_row = x.src_row[0];
  if (columns < kLine && src_row == columns) {
    // Groups of 16 rows, summed as one row of 16 times the columns.
    float lanes[kLine * kLine] = {};
    const int64_t groups = rows / kLine, width = kLine * columns;
    for (int64_t group = 0; group < groups; ++group)
      for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += src[group * width + lane];
    for (int64_t row = 0; row < kLine; ++row)
      for (int64_t i = 0; i < columns; ++i) x.dst[i] += lanes[row * columns + i];
    for (int64_t row = groups * kLine; row < rows; ++row)
      for (int64_t i = 0; i < columns; ++i) x.dst[i] += src[row * columns + i];
    return;
  }
  int64_t i = 0;
  for (; i + 64 <= columns; i += 64) sum_columns<64>(x.dst + i, src + i, rows, src_row);
  for (; i + 16 <= columns; i += 16) sum_columns<16>(x.dst + i, src + i, rows, src_row);
  for (; i < columns; ++i) sum_columns<1>(x.dst + i, src + i, rows, src_row);
}

inline void flush(const StepArgs& x) {
  FLATMIN_INDEPENDENT
  for (int64_t i = 0; i < x.columns; ++i) {
    x.sums[i] += x.dst[i];
    x.dst[i] = 0;
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
#define FLATMIN_REGION_FUSED(name, operands, ...) operands(Op::name, name{});
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
  table.flush = flush;
  return table;
}

}  // namespace FLATMIN_ISA

constinit const StepTable FLATMIN_STEPS = FLATMIN_ISA::make_table();

}  // namespace flatmin::kernels::region
