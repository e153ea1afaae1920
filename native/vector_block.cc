#include "vector_block.h"

#include <cmath>

#include "vectorize.h"

namespace flatmin {
namespace {

/// Elementwise functions of an element `a`, maybe a second one `b`, and the step's scales.
#define FLATMIN_ELEMENTWISE(name, expression)                                                          \
  struct name {                                                                                        \
    static FLATMIN_INLINE float of([[maybe_unused]] float a, [[maybe_unused]] float b,                 \
                                   [[maybe_unused]] float sa, [[maybe_unused]] float sb) {             \
      return expression;                                                                               \
    }                                                                                                  \
  }
FLATMIN_ELEMENTWISE(Combine, a * sa + b * sb);
FLATMIN_ELEMENTWISE(Mul, a* b);
FLATMIN_ELEMENTWISE(Div, a / b);
FLATMIN_ELEMENTWISE(Max, a > b || a != a ? a : b);
FLATMIN_ELEMENTWISE(AddScalar, a + sa);
FLATMIN_ELEMENTWISE(ScalarSub, sa - a);
FLATMIN_ELEMENTWISE(MulScalar, a* sa);
FLATMIN_ELEMENTWISE(DivScalar, a / sa);
FLATMIN_ELEMENTWISE(ScalarDiv, sa / a);
FLATMIN_ELEMENTWISE(MaxScalar, a > sa || a != a ? a : sa);
FLATMIN_ELEMENTWISE(Abs, std::fabs(a));
FLATMIN_ELEMENTWISE(Sqrt, std::sqrt(a));
FLATMIN_ELEMENTWISE(Square, a* a);
FLATMIN_ELEMENTWISE(Sign, a > 0.0f ? 1.0f : a < 0.0f ? -1.0f : a);
FLATMIN_ELEMENTWISE(Fill, sa);
FLATMIN_ELEMENTWISE(Copy, a);
#undef FLATMIN_ELEMENTWISE

struct Operands {
  float* dst;
  const float* a;
  const float* b;
  float sa, sb;
  size_t count;
};

template <class Function>
FLATMIN_INLINE void unary(Operands x) {
  FLATMIN_INDEPENDENT
  for (size_t i = 0; i < x.count; ++i) x.dst[i] = Function::of(x.a[i], 0.0f, x.sa, x.sb);
}

template <class Function>
FLATMIN_INLINE void binary(Operands x) {
  FLATMIN_INDEPENDENT
  for (size_t i = 0; i < x.count; ++i) x.dst[i] = Function::of(x.a[i], x.b[i], x.sa, x.sb);
}

/// Sums keep this many partial ones, element i in number i mod lanes, whatever the vector width.
constexpr size_t lanes = 32;

struct Value {
  static FLATMIN_INLINE double of(double x) { return x; }
};
struct SquaredValue {
  static FLATMIN_INLINE double of(double x) { return x * x; }
};

template <class Term>
FLATMIN_INLINE double sum(const float* a, size_t count) {
  double partial[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) partial[lane] += Term::of(a[i + lane]);
  for (size_t lane = 0; i + lane < count; ++lane) partial[lane] += Term::of(a[i + lane]);
  for (size_t half = lanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
  return partial[0];
}

}  // namespace

FLATMIN_CLONES void run_block(std::span<const VectorStep> steps, float* const* locations, const float* scalars,
                              size_t count, double* accumulators) {
  const auto value_of = [scalars](VectorScale scale) {
    const float value = scale.scalar == VectorScale::one ? 1.0f : scalars[scale.scalar];
    return scale.negated ? -value : value;
  };
  for (const VectorStep& step : steps) {
    const float* a = locations[step.a];
    const bool accumulates = step.op >= VectorStepOp::Sum;
    const Operands x{accumulates ? nullptr : locations[step.dst], a, locations[step.b],
                     value_of(step.sa), value_of(step.sb), count};
    switch (step.op) {
      case VectorStepOp::Combine: binary<Combine>(x); break;
      case VectorStepOp::Mul: binary<Mul>(x); break;
      case VectorStepOp::Div: binary<Div>(x); break;
      case VectorStepOp::Max: binary<Max>(x); break;
      case VectorStepOp::AddScalar: unary<AddScalar>(x); break;
      case VectorStepOp::ScalarSub: unary<ScalarSub>(x); break;
      case VectorStepOp::MulScalar: unary<MulScalar>(x); break;
      case VectorStepOp::DivScalar: unary<DivScalar>(x); break;
      case VectorStepOp::ScalarDiv: unary<ScalarDiv>(x); break;
      case VectorStepOp::MaxScalar: unary<MaxScalar>(x); break;
      case VectorStepOp::Abs: unary<Abs>(x); break;
      case VectorStepOp::Sqrt: unary<Sqrt>(x); break;
      case VectorStepOp::Square: unary<Square>(x); break;
      case VectorStepOp::Sign: unary<Sign>(x); break;
      case VectorStepOp::Fill: unary<Fill>(x); break;
      case VectorStepOp::Copy: unary<Copy>(x); break;
      case VectorStepOp::Sum: accumulators[step.dst] += sum<Value>(a, count); break;
      case VectorStepOp::SumSquares: accumulators[step.dst] += sum<SquaredValue>(a, count); break;
    }
  }
}

}  // namespace flatmin
