#include "block.h"

#include <cmath>

#include "../base/vectorize.h"

namespace flatmin {
namespace {

/// A step's function of an element `a`, maybe a second one `b`, and the scales.
#define FLATMIN_VECTOR_STEP(name, loop, expression)                                                         \
  struct name {                                                                                             \
    template <class Float>                                                                                  \
    static FLATMIN_INLINE Float of([[maybe_unused]] Float a, [[maybe_unused]] Float b,                      \
                                   [[maybe_unused]] Float sa, [[maybe_unused]] Float sb) {                  \
      return expression;                                                                                    \
    }                                                                                                       \
  };
#include "ops.def"

struct Operands {
  float* dst;
  double* accumulator;
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

template <class Function>
FLATMIN_INLINE void sum(Operands x) {
  double partial[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= x.count; i += lanes)
    for (size_t lane = 0; lane < lanes; ++lane) partial[lane] += Function::of(double{x.a[i + lane]}, 0.0, 0.0, 0.0);
  for (size_t lane = 0; i + lane < x.count; ++lane) partial[lane] += Function::of(double{x.a[i + lane]}, 0.0, 0.0, 0.0);
  for (size_t half = lanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
  *x.accumulator += partial[0];
}

}  // namespace

FLATMIN_CLONES void run_block(std::span<const VectorStep> steps, float* const* locations, const float* scalars,
                              size_t count, double* accumulators) {
  const auto value_of = [scalars](VectorScale scale) {
    const float value = scale.scalar == VectorScale::one ? 1.0f : scalars[scale.scalar];
    return scale.negated ? -value : value;
  };
  for (const VectorStep& step : steps) {
    const bool sums = accumulates(step.op);
    const Operands x{sums ? nullptr : locations[step.dst],
                     sums ? accumulators + step.dst : nullptr,
                     locations[step.a],
                     locations[step.b],
                     value_of(step.sa),
                     value_of(step.sb),
                     count};
    switch (step.op) {
#define FLATMIN_VECTOR_STEP(name, loop, expression) \
  case VectorStepOp::name: loop<name>(x); break;
#include "ops.def"
    }
  }
}

}  // namespace flatmin
