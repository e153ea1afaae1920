#include "batch_norm_op.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <numeric>

#include "../kernels/activated_norm.h"
#include "../kernels/batch_norm.h"
#include "kernel_run.h"

namespace flatmin {
namespace {

constexpr size_t kAnyRank = SIZE_MAX;

kernels::BatchNormShape batch_norm_shape(const Dims& dims) {
  // Of no elements: the other sizes are arbitrary, and may overflow.
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return {0, dims[1], 0};
  return {dims[0], dims[1], std::accumulate(dims.begin() + 2, dims.end(), int64_t{1}, std::multiplies<>())};
}

// The inputs X, scale, bias, mean and `spread` (r, or a variance) from one on.
struct Norm {
  Norm(const KernelRun& run, size_t first)
      : dims(run.dims(first, 2, kAnyRank)),
        per_channel{dims[1]},
        shape(batch_norm_shape(dims)),
        x(run.input(first, dims)),
        scale(run.input(first + 1, per_channel)),
        bias(run.input(first + 2, per_channel)),
        mean(run.input(first + 3, per_channel)),
        spread(run.input(first + 4, per_channel)) {}

  const Dims dims, per_channel;
  const kernels::BatchNormShape shape;
  const float *x, *scale, *bias, *mean, *spread;
};

// The inputs of a gradient: dY, those of Norm, and what is added to dX, or null.
struct NormGradient : Norm {
  explicit NormGradient(const KernelRun& run) : Norm(run, 1), dy(run.input(0, dims)), addend(run.input(6, dims)) {}

  const float *dy, *addend;
};

// running ← momentum·running + (1 − momentum)·batch
void blend(float momentum, const float* running, const float* batch, float* out, int64_t channels) {
  if (!out) return;
  for (int64_t c = 0; c < channels; c++) out[c] = momentum * running[c] + (1 - momentum) * batch[c];
}

// Where a forward pass puts the batch's statistics: outputs 3 and 4 where they are wanted, else scratch memory.
struct Statistics {
  Statistics(const KernelRun& run, const Norm& in, float* scratch)
      : mean(run.output(3, in.per_channel)), r(run.output(4, in.per_channel)), variance(scratch) {
    if (!mean) mean = scratch + in.shape.channels;
    if (!r) r = scratch + 2 * in.shape.channels;
  }

  static size_t bytes(const Norm& in) { return 3 * sizeof(float) * static_cast<size_t>(in.shape.channels); }

  // Outputs 1 and 2.
  void move_running(const KernelRun& run, const Norm& in, float momentum) const {
    blend(momentum, in.mean, mean, run.output(1, in.per_channel), in.shape.channels);
    blend(momentum, in.spread, variance, run.output(2, in.per_channel), in.shape.channels);
  }

  float *mean, *r, *variance;
};

// BatchNorm(X, scale, bias, running_mean, running_variance; epsilon, momentum, relu)
//   → Y, new_running_mean?, new_running_variance?, batch_mean, r = 1/√(batch_variance + epsilon)
// running ← momentum·running + (1 − momentum)·batch, population variance.
class BatchNorm : public Kernel {
 public:
  explicit BatchNorm(const NodeAttributes& node)
      : epsilon_(node.number("epsilon")), momentum_(node.number("momentum")), relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const Norm in(run, 0);
    const Statistics batch(run, in, static_cast<float*>(run.scratch(Statistics::bytes(in))));
    kernels::batch_norm_forward(in.shape, in.x, in.scale, in.bias, epsilon_, relu_, run.output(0, in.dims), batch.mean, batch.r,
                                batch.variance, run.parallel());
    batch.move_running(run, in, momentum_);
  }

 private:
  float epsilon_, momentum_;
  bool relu_;
};

// BatchNormGrad(dY, X, scale, bias, batch_mean, r, addend?; relu) → dX, dscale, dbias
class BatchNormGrad : public Kernel {
 public:
  explicit BatchNormGrad(const NodeAttributes& node) : relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const NormGradient in(run);
    kernels::batch_norm_backward(in.shape, in.dy, in.x, in.scale, in.bias, in.mean, in.spread, relu_, in.addend, run.output(0, in.dims),
                                 run.output(1, in.per_channel), run.output(2, in.per_channel), run.parallel());
  }

 private:
  bool relu_;
};

// RunningNorm(X, scale, bias, mean, variance; epsilon, relu) → Y
class RunningNorm : public Kernel {
 public:
  explicit RunningNorm(const NodeAttributes& node) : epsilon_(node.number("epsilon")), relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const Norm in(run, 0);
    kernels::running_norm_forward(in.shape, in.x, in.scale, in.bias, in.mean, in.spread, epsilon_, relu_, run.output(0, in.dims),
                                  run.parallel());
  }

 private:
  float epsilon_;
  bool relu_;
};

// RunningNormGrad(dY, X, scale, bias, mean, variance, addend?; epsilon, relu) → dX?, dscale?, dbias?
class RunningNormGrad : public Kernel {
 public:
  explicit RunningNormGrad(const NodeAttributes& node) : epsilon_(node.number("epsilon")), relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const NormGradient in(run);
    kernels::running_norm_backward(in.shape, in.dy, in.x, in.scale, in.bias, in.mean, in.spread, epsilon_, relu_, in.addend,
                                   run.output(0, in.dims), run.output(1, in.per_channel), run.output(2, in.per_channel), run.parallel());
  }

 private:
  float epsilon_;
  bool relu_;
};

// An activation as a program: attributes code and constants, of region::Description.
class Activation {
 public:
  Activation(const NodeAttributes& node, kernels::ActivationProgram::Kind kind)
      : kind_(kind), code_(node.integers("code")), constants_(node.numbers("constants")) {}

  std::shared_ptr<const kernels::ActivationProgram> program(const KernelRun& run, const Norm& in) const {
    if (in.shape.batch * in.shape.positions == 0 || in.shape.channels == 0)
      run.refuse("data of shape " + shape_text(in.dims) + " have no elements");
    std::lock_guard<std::mutex> lock(mutex_);
    if (!program_ || program_->shape() != in.shape)
      program_ = std::make_shared<const kernels::ActivationProgram>(kind_, in.shape, code_, constants_);
    return program_;
  }

 private:
  kernels::ActivationProgram::Kind kind_;
  std::vector<int64_t> code_;
  std::vector<float> constants_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const kernels::ActivationProgram> program_;  // the last one: shapes change with the graph alone
};

// ActivatedNorm(X, scale, bias, running_mean, running_variance; epsilon, momentum, code, constants)
//   → act(Y), new_running_mean?, new_running_variance?, batch_mean, r
// BatchNorm with an activation's program (ActivationProgram::Kind::forward) behind it.
class ActivatedNorm : public Kernel {
 public:
  explicit ActivatedNorm(const NodeAttributes& node)
      : epsilon_(node.number("epsilon")), momentum_(node.number("momentum")), activation_(node, kernels::ActivationProgram::Kind::forward) {}

  void compute(const KernelRun& run) const override {
    const Norm in(run, 0);
    const auto program = activation_.program(run, in);
    const size_t of_program = program->scratch_bytes(run.parallel().threads);
    auto* scratch = static_cast<std::byte*>(run.scratch(of_program + Statistics::bytes(in)));
    const Statistics batch(run, in, reinterpret_cast<float*>(scratch + of_program));
    kernels::activated_norm_forward(*program, in.x, in.scale, in.bias, epsilon_, run.output(0, in.dims), batch.mean, batch.r, batch.variance,
                                    scratch, run.parallel());
    batch.move_running(run, in, momentum_);
  }

 private:
  float epsilon_, momentum_;
  Activation activation_;
};

// ActivatedNormGrad(dZ, X, scale, bias, batch_mean, r, addend?; code, constants) → dX, dscale, dbias
// The program is of ActivationProgram::Kind::backward.
class ActivatedNormGrad : public Kernel {
 public:
  explicit ActivatedNormGrad(const NodeAttributes& node) : activation_(node, kernels::ActivationProgram::Kind::backward) {}

  void compute(const KernelRun& run) const override {
    const NormGradient in(run);
    const auto program = activation_.program(run, in);
    void* scratch = run.scratch(program->scratch_bytes(run.parallel().threads));
    kernels::activated_norm_backward(*program, in.dy, in.x, in.scale, in.bias, in.mean, in.spread, in.addend, run.output(0, in.dims),
                                     run.output(1, in.per_channel), run.output(2, in.per_channel), scratch, run.parallel());
  }

 private:
  Activation activation_;
};

// ActivatedRunningNorm(X, scale, bias, mean, variance; epsilon, code, constants) → act(Y)
class ActivatedRunningNorm : public Kernel {
 public:
  explicit ActivatedRunningNorm(const NodeAttributes& node)
      : epsilon_(node.number("epsilon")), activation_(node, kernels::ActivationProgram::Kind::forward) {}

  void compute(const KernelRun& run) const override {
    const Norm in(run, 0);
    const auto program = activation_.program(run, in);
    void* scratch = run.scratch(program->scratch_bytes(run.parallel().threads));
    kernels::activated_running_norm_forward(*program, in.x, in.scale, in.bias, in.mean, in.spread, epsilon_, run.output(0, in.dims), scratch,
                                            run.parallel());
  }

 private:
  float epsilon_;
  Activation activation_;
};

// ActivatedRunningNormGrad(dZ, X, scale, bias, mean, variance, addend?; epsilon, code, constants) → dX, dscale?, dbias?
class ActivatedRunningNormGrad : public Kernel {
 public:
  explicit ActivatedRunningNormGrad(const NodeAttributes& node)
      : epsilon_(node.number("epsilon")), activation_(node, kernels::ActivationProgram::Kind::backward) {}

  void compute(const KernelRun& run) const override {
    const NormGradient in(run);
    const auto program = activation_.program(run, in);
    void* scratch = run.scratch(program->scratch_bytes(run.parallel().threads));
    kernels::activated_running_norm_backward(*program, in.dy, in.x, in.scale, in.bias, in.mean, in.spread, epsilon_, in.addend,
                                             run.output(0, in.dims), run.output(1, in.per_channel), run.output(2, in.per_channel), scratch,
                                             run.parallel());
  }

 private:
  float epsilon_;
  Activation activation_;
};

template <class K>
std::unique_ptr<Kernel> create(const NodeAttributes& node) {
  return std::make_unique<K>(node);
}

// name, inputs, required ones, required outputs, outputs, …: see KernelSpec
const std::array<KernelSpec, 8> kSpecs = {{
    {"BatchNorm", {"X", "scale", "bias", "running_mean", "running_variance"}, 5, 1, 5, create<BatchNorm>},
    {"BatchNormGrad", {"dY", "X", "scale", "bias", "batch_mean", "r", "addend"}, 6, 3, 3, create<BatchNormGrad>},
    {"ActivatedNorm", {"X", "scale", "bias", "running_mean", "running_variance"}, 5, 1, 5, create<ActivatedNorm>},
    {"ActivatedNormGrad", {"dZ", "X", "scale", "bias", "batch_mean", "r", "addend"}, 6, 3, 3, create<ActivatedNormGrad>},
    {"ActivatedRunningNorm", {"X", "scale", "bias", "mean", "variance"}, 5, 1, 1, create<ActivatedRunningNorm>},
    {"ActivatedRunningNormGrad", {"dZ", "X", "scale", "bias", "mean", "variance", "addend"}, 6, 1, 3, create<ActivatedRunningNormGrad>},
    {"RunningNorm", {"X", "scale", "bias", "mean", "variance"}, 5, 1, 1, create<RunningNorm>},
    {"RunningNormGrad", {"dY", "X", "scale", "bias", "mean", "variance", "addend"}, 6, 0, 3, create<RunningNormGrad>},
}};

}  // namespace

const std::array<KernelSpec, 8>& batch_norm_specs() { return kSpecs; }

}  // namespace flatmin
