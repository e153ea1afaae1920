#include "custom_ops.h"

#include <array>
#include <stdexcept>

#include "../kernels/batch_norm.h"
#include "kernel_op.h"

namespace flatmin {
namespace {

kernels::BatchNormShape batch_norm_shape(const std::vector<int64_t>& dims) {
  if (dims.size() < 2) throw std::runtime_error("batch normalisation needs a batch and a channel axis");
  kernels::BatchNormShape shape = {dims[0], dims[1], 1};
  for (size_t axis = 2; axis < dims.size(); ++axis) shape.positions *= dims[axis];
  return shape;
}

// BatchNorm(X, scale, bias, running_mean, running_variance; epsilon, momentum, relu)
//   → Y, new_running_mean?, new_running_variance?, batch_mean, r = 1/√(batch_variance + epsilon)
// running ← momentum·running + (1 − momentum)·batch, population variance.
class BatchNorm : public Kernel {
 public:
  explicit BatchNorm(const NodeAttributes& node)
      : epsilon_(node.number("epsilon")), momentum_(node.number("momentum")), relu_(node.integer("relu") != 0) {}

  void compute(const KernelRun& run) const override {
    const auto dims = run.dims(0);
    const auto shape = batch_norm_shape(dims);
    const std::vector<int64_t> per_channel = {shape.channels};
    auto* own = static_cast<float*>(run.scratch(3 * sizeof(float) * static_cast<size_t>(shape.channels)));
    float* variance = own;
    float* mean = run.output(3, per_channel);
    float* r = run.output(4, per_channel);
    if (!mean) mean = own + shape.channels;
    if (!r) r = own + 2 * shape.channels;
    kernels::batch_norm_forward(shape, run.input(0), run.input(1), run.input(2), epsilon_, relu_, run.output(0, dims), mean, r, variance,
                                run.parallel());
    blend(run.input(3), mean, run.output(1, per_channel), shape.channels);
    blend(run.input(4), variance, run.output(2, per_channel), shape.channels);
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
    const auto dims = run.dims(1);
    const auto shape = batch_norm_shape(dims);
    const std::vector<int64_t> per_channel = {shape.channels};
    kernels::batch_norm_backward(shape, run.input(0), run.input(1), run.input(2), run.input(3), run.input(4), run.input(5), relu_,
                                 run.input(6), run.output(0, dims), run.output(1, per_channel), run.output(2, per_channel), run.parallel());
  }

 private:
  bool relu_;
};

// The window of a convolution: attributes strides [2], pads [4: top, left, bottom, right], group 1, dilation 1.
class ConvKernel : public Kernel {
 protected:
  explicit ConvKernel(const NodeAttributes& node) : strides_(node.integers("strides")), pads_(node.integers("pads")) {
    if (strides_.size() != 2 || pads_.size() != 4) throw std::runtime_error("a convolution needs 2 strides and 4 pads");
  }

  kernels::ConvShape shape(const std::vector<int64_t>& x, const std::vector<int64_t>& w) const {
    if (x.size() != 4 || w.size() != 4 || x[1] != w[1]) throw std::runtime_error("a convolution needs N×C×H×W data and O×C×H×W weights");
    kernels::ConvShape shape = {x[0], x[1], x[2], x[3], w[0], w[2], w[3], strides_[0], strides_[1], pads_[0], pads_[1], pads_[2], pads_[3]};
    if (!kernels::conv_supported(shape)) throw std::runtime_error("the convolution's shape is not supported");
    return shape;
  }

 private:
  std::vector<int64_t> strides_, pads_;
};

// Conv(X, W) → Y
class Conv : public ConvKernel {
 public:
  explicit Conv(const NodeAttributes& node) : ConvKernel(node) {}

  void compute(const KernelRun& run) const override {
    const auto conv = shape(run.dims(0), run.dims(1));
    void* scratch = run.scratch(kernels::conv_forward_scratch(conv, run.parallel().threads));
    float* y = run.output(0, {conv.batch, conv.out_channels, conv.out_height(), conv.out_width()});
    kernels::conv_forward(conv, run.input(0), run.input(1), y, scratch, run.parallel());
  }
};

// ConvGradInput(dY, W; input_size [2]) → dX
class ConvGradInput : public ConvKernel {
 public:
  explicit ConvGradInput(const NodeAttributes& node) : ConvKernel(node), size_(node.integers("input_size")) {
    if (size_.size() != 2) throw std::runtime_error("input_size needs height and width");
  }

  void compute(const KernelRun& run) const override {
    const auto dy = run.dims(0), w = run.dims(1);
    const auto conv = shape({dy.at(0), w.at(1), size_[0], size_[1]}, w);
    if (dy != std::vector<int64_t>{conv.batch, conv.out_channels, conv.out_height(), conv.out_width()}) {
      throw std::runtime_error("dY does not have the shape of the convolution's output");
    }
    void* scratch = run.scratch(kernels::conv_grad_input_scratch(conv, run.parallel().threads));
    float* dx = run.output(0, {conv.batch, conv.in_channels, conv.in_height, conv.in_width});
    kernels::conv_grad_input(conv, run.input(0), run.input(1), dx, scratch, run.parallel());
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
    const auto x = run.dims(0), dy = run.dims(1);
    const auto conv = shape(x, {dy.at(1), x.at(1), kernel_[0], kernel_[1]});
    if (dy != std::vector<int64_t>{conv.batch, conv.out_channels, conv.out_height(), conv.out_width()}) {
      throw std::runtime_error("dY does not have the shape of the convolution's output");
    }
    void* scratch = run.scratch(kernels::conv_grad_weight_scratch(conv, run.parallel().threads));
    float* dw = run.output(0, {conv.out_channels, conv.in_channels, conv.kernel_h, conv.kernel_w});
    kernels::conv_grad_weight(conv, run.input(0), run.input(1), dw, scratch, run.parallel());
  }

 private:
  std::vector<int64_t> kernel_;
};

template <class K>
std::unique_ptr<Kernel> create(const NodeAttributes& node) {
  return std::make_unique<K>(node);
}

// name, required inputs, inputs, required outputs, outputs
constexpr std::array<KernelSpec, 5> kSpecs = {{
    {"BatchNorm", 5, 5, 1, 5, create<BatchNorm>},
    {"BatchNormGrad", 6, 7, 3, 3, create<BatchNormGrad>},
    {"Conv", 2, 2, 1, 1, create<Conv>},
    {"ConvGradInput", 2, 2, 1, 1, create<ConvGradInput>},
    {"ConvGradWeight", 2, 2, 1, 1, create<ConvGradWeight>},
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
