#include "custom_ops.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "../kernels/batch_norm.h"
#include "kernel_run.h"

namespace flatmin {
namespace {

kernels::BatchNormShape batch_norm_shape(const Dims& dims) {
  // Of no elements: the other sizes are arbitrary, and may overflow.
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return {0, dims[1], 0};
  return {dims[0], dims[1], std::accumulate(dims.begin() + 2, dims.end(), int64_t{1}, std::multiplies<>())};
}

constexpr size_t kAnyRank = SIZE_MAX;

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
    blend(running_mean, mean, run.output(1, per_channel), shape.channels);
    blend(running_variance, variance, run.output(2, per_channel), shape.channels);
  }

 private:
  void blend(const float* running, const float* batch, float* out, int64_t channels) const {
    if (!out) return;
    for (int64_t c = 0; c < channels; c++) out[c] = momentum_ * running[c] + (1 - momentum_) * batch[c];
  }

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

// The window of a convolution: attributes strides [2], pads [4: top, left, bottom, right], group 1, dilation 1.
class ConvKernel : public Kernel {
 protected:
  explicit ConvKernel(const NodeAttributes& node) : strides_(node.integers("strides")), pads_(node.integers("pads")) {
    if (strides_.size() != 2 || pads_.size() != 4) throw std::runtime_error("a convolution needs 2 strides and 4 pads");
  }

  // Of data N×C×height×width and weights O×C×kernel.
  kernels::ConvShape shape(const KernelRun& run, const Dims& x, const Dims& w) const {
    kernels::ConvShape shape = {x[0], x[1], x[2], x[3], w[0], w[2], w[3], strides_[0], strides_[1], pads_[0], pads_[1], pads_[2], pads_[3]};
    if (!kernels::conv_supported(shape)) {
      run.refuse("data " + shape_text(x) + " and weights " + shape_text(w) + " with strides " + shape_text(strides_) + " and pads " +
                 shape_text(pads_) + " are not supported");
    }
    return shape;
  }

  static Dims data(const kernels::ConvShape& s) { return {s.batch, s.in_channels, s.in_height, s.in_width}; }
  static Dims weights(const kernels::ConvShape& s) { return {s.out_channels, s.in_channels, s.kernel_h, s.kernel_w}; }
  static Dims result(const kernels::ConvShape& s) { return {s.batch, s.out_channels, s.out_height(), s.out_width()}; }

 private:
  std::vector<int64_t> strides_, pads_;
};

// Conv(X, W) → Y
class Conv : public ConvKernel {
 public:
  explicit Conv(const NodeAttributes& node) : ConvKernel(node) {}

  void compute(const KernelRun& run) const override {
    const auto conv = shape(run, run.dims(0, 4, 4), run.dims(1, 4, 4));
    const float* x = run.input(0, data(conv));
    const float* w = run.input(1, weights(conv));
    float* y = run.output(0, result(conv));
    void* scratch = run.scratch(kernels::conv_forward_scratch(conv, run.parallel().threads));
    kernels::conv_forward(conv, x, w, y, scratch, run.parallel());
  }
};

// ConvGradInput(dY, W; input_size [2]) → dX
class ConvGradInput : public ConvKernel {
 public:
  explicit ConvGradInput(const NodeAttributes& node) : ConvKernel(node), size_(node.integers("input_size")) {
    if (size_.size() != 2) throw std::runtime_error("input_size needs height and width");
  }

  void compute(const KernelRun& run) const override {
    const Dims w_dims = run.dims(1, 4, 4);
    const auto conv = shape(run, {run.dims(0, 4, 4)[0], w_dims[1], size_[0], size_[1]}, w_dims);
    const float* dy = run.input(0, result(conv));
    const float* w = run.input(1, w_dims);
    float* dx = run.output(0, data(conv));
    void* scratch = run.scratch(kernels::conv_grad_input_scratch(conv, run.parallel().threads));
    kernels::conv_grad_input(conv, dy, w, dx, scratch, run.parallel());
  }

 private:
  std::vector<int64_t> size_;
};

// ConvGradWeight(X, dY; kernel [2]) → dW
class ConvGradWeight : public ConvKernel {
 public:
  explicit ConvGradWeight(const NodeAttributes& node) : ConvKernel(node), kernel_(node.integers("kernel")) {
    if (kernel_.size() != 2) throw std::runtime_error("kernel needs height and width");
  }

  void compute(const KernelRun& run) const override {
    const Dims x_dims = run.dims(0, 4, 4);
    const auto conv = shape(run, x_dims, {run.dims(1, 4, 4)[1], x_dims[1], kernel_[0], kernel_[1]});
    const float* x = run.input(0, x_dims);
    const float* dy = run.input(1, result(conv));
    float* dw = run.output(0, weights(conv));
    void* scratch = run.scratch(kernels::conv_grad_weight_scratch(conv, run.parallel().threads));
    kernels::conv_grad_weight(conv, x, dy, dw, scratch, run.parallel());
  }

 private:
  std::vector<int64_t> kernel_;
};

template <class K>
std::unique_ptr<Kernel> create(const NodeAttributes& node) {
  return std::make_unique<K>(node);
}

// name, inputs, required ones, required outputs, outputs
const std::array<KernelSpec, 7> kSpecs = {{
    {"BatchNorm", {"X", "scale", "bias", "running_mean", "running_variance"}, 5, 1, 5, create<BatchNorm>},
    {"BatchNormGrad", {"dY", "X", "scale", "bias", "batch_mean", "r", "addend"}, 6, 3, 3, create<BatchNormGrad>},
    {"RunningNorm", {"X", "scale", "bias", "mean", "variance"}, 5, 1, 1, create<RunningNorm>},
    {"RunningNormGrad", {"dY", "X", "scale", "bias", "mean", "variance", "addend"}, 6, 0, 3, create<RunningNormGrad>},
    {"Conv", {"X", "W"}, 2, 1, 1, create<Conv>},
    {"ConvGradInput", {"dY", "W"}, 2, 1, 1, create<ConvGradInput>},
    {"ConvGradWeight", {"X", "dY"}, 2, 1, 1, create<ConvGradWeight>},
}};

}  // namespace

struct KernelDomain::Ops {
  ScratchPool scratch;
  std::vector<std::unique_ptr<KernelOp>> list;
};

KernelDomain::KernelDomain(const Library& library, unsigned threads) : library_(library), ops_(std::make_unique<Ops>()) {
  library.check(library.api().CreateCustomOpDomain("flatmin", &handle_));
  for (const KernelSpec& spec : kSpecs) {
    ops_->list.push_back(std::make_unique<KernelOp>(library, spec, threads, ops_->scratch));
    library.check(library.api().CustomOpDomain_Add(handle_, ops_->list.back().get()));
  }
}

KernelDomain::~KernelDomain() { library_.api().ReleaseCustomOpDomain(handle_); }

}  // namespace flatmin
