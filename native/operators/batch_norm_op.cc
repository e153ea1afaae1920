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


// running ← momentum·running + (1 − momentum)·batch
void blend(float momentum, const float* running, const float* batch, float* out, int64_t channels) {
  if (!out) return;
  for (int64_t c = 0; c < channels; c++) out[c] = momentum * running[c] + (1 - momentum) * batch[c];
}

// BatchNorm(X, scale, bias, running_mean, running_variance; epsilon, momentum, relu)
//   → Y, new_running_mean?, new_running_variance?, batch_mean, r = 1/√(batch_variance + epsilon)
// running ← momentum·running + (1 − momentum)·batch, population variance.
class BatchNorm : public Kernel {
 public:
  explicit BatchNorm(const NodeAttributes& node)
      : epsilon_(node.number("epsilon")), momentum_(node.number("momentum")), relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const Dims dims = run.dims(0, 2, kAnyRank);
    const auto shape = batch_norm_shape(dims);
    const Dims per_channel = {shape.channels};
    const float* x = run.input(0, dims);
    const float* scale = run.input(1, per_channel);
    const float* bias = run.input(2, per_channel);
    const float* running_mean = run.input(3, per_channel);
    const float* running_variance = run.input(4, per_channel);
    auto* own = static_cast<float*>(run.scratch(3 * sizeof(float) * static_cast<size_t>(shape.channels)));
    float* variance = own;
    float* mean = run.output(3, per_channel);
    float* r = run.output(4, per_channel);
    if (!mean) mean = own + shape.channels;
    if (!r) r = own + 2 * shape.channels;
    kernels::batch_norm_forward(shape, x, scale, bias, epsilon_, relu_, run.output(0, dims), mean, r, variance, run.parallel());
    blend(momentum_, running_mean, mean, run.output(1, per_channel), shape.channels);
    blend(momentum_, running_variance, variance, run.output(2, per_channel), shape.channels);
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
    const Dims dims = run.dims(1, 2, kAnyRank);
    const auto shape = batch_norm_shape(dims);
    const Dims per_channel = {shape.channels};
    const float* dy = run.input(0, dims);
    const float* x = run.input(1, dims);
    const float* scale = run.input(2, per_channel);
    const float* bias = run.input(3, per_channel);
    const float* mean = run.input(4, per_channel);
    const float* r = run.input(5, per_channel);
    const float* addend = run.input(6, dims);
    kernels::batch_norm_backward(shape, dy, x, scale, bias, mean, r, relu_, addend, run.output(0, dims), run.output(1, per_channel),
                                 run.output(2, per_channel), run.parallel());
  }

 private:
  bool relu_;
};

// RunningNorm(X, scale, bias, mean, variance; epsilon, relu) → Y
class RunningNorm : public Kernel {
 public:
  explicit RunningNorm(const NodeAttributes& node) : epsilon_(node.number("epsilon")), relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const Dims dims = run.dims(0, 2, kAnyRank);
    const auto shape = batch_norm_shape(dims);
    const Dims per_channel = {shape.channels};
    const float* x = run.input(0, dims);
    const float* scale = run.input(1, per_channel);
    const float* bias = run.input(2, per_channel);
    const float* mean = run.input(3, per_channel);
    const float* variance = run.input(4, per_channel);
    kernels::running_norm_forward(shape, x, scale, bias, mean, variance, epsilon_, relu_, run.output(0, dims), run.parallel());
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
    const Dims dims = run.dims(1, 2, kAnyRank);
    const auto shape = batch_norm_shape(dims);
    const Dims per_channel = {shape.channels};
    const float* dy = run.input(0, dims);
    const float* x = run.input(1, dims);
    const float* scale = run.input(2, per_channel);
    const float* bias = run.input(3, per_channel);
    const float* mean = run.input(4, per_channel);
    const float* variance = run.input(5, per_channel);
    const float* addend = run.input(6, dims);
    kernels::running_norm_backward(shape, dy, x, scale, bias, mean, variance, epsilon_, relu_, addend, run.output(0, dims),
                                   run.output(1, per_channel), run.output(2, per_channel), run.parallel());
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

  // For data of this shape.
  std::shared_ptr<const kernels::ActivationProgram> program(const KernelRun& run, const Dims& dims) const {
    const auto shape = batch_norm_shape(dims);
    if (shape.batch * shape.positions == 0 || shape.channels == 0) run.refuse("data of shape " + shape_text(dims) + " have no elements");
    std::lock_guard<std::mutex> lock(mutex_);
    if (!program_ || program_->shape() != shape) program_ = std::make_shared<const kernels::ActivationProgram>(kind_, shape, code_, constants_);
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
    const Dims dims = run.dims(0, 2, kAnyRank);
    const auto program = activation_.program(run, dims);
    const int64_t channels = dims[1];
    const Dims per_channel = {channels};
    const float* x = run.input(0, dims);
    const float* scale = run.input(1, per_channel);
    const float* bias = run.input(2, per_channel);
    const float* running_mean = run.input(3, per_channel);
    const float* running_variance = run.input(4, per_channel);
    const size_t of_program = program->scratch_bytes(run.parallel().threads);
    auto* scratch = static_cast<std::byte*>(run.scratch(of_program + 3 * sizeof(float) * static_cast<size_t>(channels)));
    auto* variance = reinterpret_cast<float*>(scratch + of_program);
    float* mean = run.output(3, per_channel);
    float* r = run.output(4, per_channel);
    if (!mean) mean = variance + channels;
    if (!r) r = variance + 2 * channels;
    kernels::activated_norm_forward(*program, x, scale, bias, epsilon_, run.output(0, dims), mean, r, variance, scratch,
                                    run.parallel());
    blend(momentum_, running_mean, mean, run.output(1, per_channel), channels);
    blend(momentum_, running_variance, variance, run.output(2, per_channel), channels);
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
    const Dims dims = run.dims(1, 2, kAnyRank);
    const auto program = activation_.program(run, dims);
    const Dims per_channel = {dims[1]};
    const float* dz = run.input(0, dims);
    const float* x = run.input(1, dims);
    const float* scale = run.input(2, per_channel);
    const float* bias = run.input(3, per_channel);
    const float* mean = run.input(4, per_channel);
    const float* r = run.input(5, per_channel);
    const float* addend = run.input(6, dims);
    void* scratch = run.scratch(program->scratch_bytes(run.parallel().threads));
    kernels::activated_norm_backward(*program, dz, x, scale, bias, mean, r, addend, run.output(0, dims),
                                     run.output(1, per_channel), run.output(2, per_channel), scratch, run.parallel());
  }

 private:
  Activation activation_;
};

template <class K>
std::unique_ptr<Kernel> create(const NodeAttributes& node) {
  return std::make_unique<K>(node);
}

// name, inputs, required ones, required outputs, outputs, …: see KernelSpec
const std::array<KernelSpec, 6> kSpecs = {{
    {"BatchNorm", {"X", "scale", "bias", "running_mean", "running_variance"}, 5, 1, 5, create<BatchNorm>},
    {"BatchNormGrad", {"dY", "X", "scale", "bias", "batch_mean", "r", "addend"}, 6, 3, 3, create<BatchNormGrad>},
    {"ActivatedNorm", {"X", "scale", "bias", "running_mean", "running_variance"}, 5, 1, 5, create<ActivatedNorm>},
    {"ActivatedNormGrad", {"dZ", "X", "scale", "bias", "batch_mean", "r", "addend"}, 6, 3, 3, create<ActivatedNormGrad>},
    {"RunningNorm", {"X", "scale", "bias", "mean", "variance"}, 5, 1, 1, create<RunningNorm>},
    {"RunningNormGrad", {"dY", "X", "scale", "bias", "mean", "variance", "addend"}, 6, 0, 3, create<RunningNormGrad>},
}};

}  // namespace

const std::array<KernelSpec, 6>& batch_norm_specs() { return kSpecs; }

}  // namespace flatmin
