#include "custom_ops.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "../kernels/add_slices.h"
#include "attention_op.h"
#include "batch_norm_op.h"
#include "kernel_run.h"
#include "region_op.h"

namespace flatmin {
namespace {

constexpr size_t kAnyRank = SIZE_MAX;

// The window of a convolution over one or two axes: attributes strides, dilations, pads (all begins, then all ends), group.
class ConvKernel : public Kernel {
 protected:
  explicit ConvKernel(const NodeAttributes& node)
      : strides_(node.integers("strides")), dilations_(node.integers("dilations")), pads_(node.integers("pads")), group_(node.integer("group")) {
    if (axes() < 1 || axes() > 2 || dilations_.size() != axes() || pads_.size() != 2 * axes())
      throw std::runtime_error("a convolution over 1 or 2 axes needs a stride and a dilation for each and twice as many pads");
  }

  size_t axes() const { return strides_.size(); }
  size_t rank() const { return axes() + 2; }

  // Of data N×C×sizes and weights O×(C / group)×kernel.
  kernels::ConvShape shape(const KernelRun& run, const Dims& x, const Dims& w) const {
    const bool flat = axes() == 1;  // one axis is a row of a plane of height 1
    const auto height = [&](const Dims& of, size_t first) { return flat ? 1 : of[first]; };
    const auto width = [&](const Dims& of, size_t first) { return of[first + axes() - 1]; };
    kernels::ConvShape shape = {x[0], x[1], height(x, 2), width(x, 2), w[0], height(w, 2), width(w, 2), height(strides_, 0), width(strides_, 0),
                                flat ? 0 : pads_[0], pads_[axes() - 1], flat ? 0 : pads_[2], pads_.back(), group_,
                                height(dilations_, 0), width(dilations_, 0)};
    if (!kernels::conv_supported(shape)) {
      run.refuse("data " + shape_text(x) + " and weights " + shape_text(w) + " with strides " + shape_text(strides_) + ", dilations " +
                 shape_text(dilations_) + ", pads " + shape_text(pads_) + " and group " + std::to_string(group_) + " are not supported");
    }
    return shape;
  }

  // Shapes, once `shape` has taken the window.
  Dims data(const kernels::ConvShape& s) const { return sizes(s.batch, s.in_channels, s.in_height, s.in_width); }
  Dims weights(const kernels::ConvShape& s) const { return sizes(s.out_channels, s.in_channels / s.groups, s.kernel_h, s.kernel_w); }
  Dims result(const kernels::ConvShape& s) const { return sizes(s.batch, s.out_channels, s.out_height(), s.out_width()); }

  int64_t group() const { return group_; }

 private:
  Dims sizes(int64_t first, int64_t second, int64_t height, int64_t width) const {
    return axes() == 1 ? Dims{first, second, width} : Dims{first, second, height, width};
  }

  Dims strides_, dilations_, pads_;
  int64_t group_;
};

// Conv(X, W, B?) → Y
class Conv : public ConvKernel {
 public:
  explicit Conv(const NodeAttributes& node) : ConvKernel(node) {}

  void compute(const KernelRun& run) const override {
    const Dims x_dims = run.dims(0, rank(), rank());
    const auto conv = shape(run, x_dims, run.dims(1, rank(), rank()));
    const float* x = run.input(0, data(conv));
    const float* w = run.input(1, weights(conv));
    const float* bias = run.input(2, {conv.out_channels});
    float* y = run.output(0, result(conv));
    void* scratch = run.scratch(kernels::conv_forward_scratch(conv, run.parallel().threads));
    kernels::conv_forward(conv, x, w, bias, y, scratch, run.parallel());
  }
};

// ConvGradInput(dY, W; input_size) → dX
class ConvGradInput : public ConvKernel {
 public:
  explicit ConvGradInput(const NodeAttributes& node) : ConvKernel(node), size_(node.integers("input_size")) {
    if (size_.size() != axes()) throw std::runtime_error("input_size needs a size for each axis");
  }

  void compute(const KernelRun& run) const override {
    const Dims w_dims = run.dims(1, rank(), rank());
    Dims x_dims = {run.dims(0, rank(), rank())[0], channels(run, w_dims[1])};
    x_dims.insert(x_dims.end(), size_.begin(), size_.end());
    const auto conv = shape(run, x_dims, w_dims);
    const float* dy = run.input(0, result(conv));
    const float* w = run.input(1, w_dims);
    float* dx = run.output(0, data(conv));
    void* scratch = run.scratch(kernels::conv_grad_input_scratch(conv, run.parallel().threads));
    kernels::conv_grad_input(conv, dy, w, dx, scratch, run.parallel());
  }

 private:
  int64_t channels(const KernelRun& run, int64_t of_group) const {
    int64_t all = 0;
    if (__builtin_mul_overflow(of_group, group(), &all)) run.refuse("group " + std::to_string(group()) + " is not supported");
    return all;
  }

  Dims size_;
};

// ConvGradWeight(X, dY; kernel) → dW
class ConvGradWeight : public ConvKernel {
 public:
  explicit ConvGradWeight(const NodeAttributes& node) : ConvKernel(node), kernel_(node.integers("kernel")) {
    if (kernel_.size() != axes()) throw std::runtime_error("kernel needs a size for each axis");
  }

  void compute(const KernelRun& run) const override {
    const Dims x_dims = run.dims(0, rank(), rank());
    Dims w_dims = {run.dims(1, rank(), rank())[1], x_dims[1]};  // channels of a group follow from the group
    w_dims.insert(w_dims.end(), kernel_.begin(), kernel_.end());
    const auto conv = shape(run, x_dims, w_dims);
    const float* x = run.input(0, x_dims);
    const float* dy = run.input(1, result(conv));
    float* dw = run.output(0, weights(conv));
    void* scratch = run.scratch(kernels::conv_grad_weight_scratch(conv, run.parallel().threads));
    kernels::conv_grad_weight(conv, x, dy, dw, scratch, run.parallel());
  }

 private:
  Dims kernel_;
};

// AddSlices(updates, at; axis, positions) → sum
// Zeros with `positions` places along the axis, and slice i of `updates` added at at[i], counted from the end where it is negative.
class AddSlices : public Kernel {
 public:
  explicit AddSlices(const NodeAttributes& node) : axis_(node.integer("axis")), positions_(node.integer("positions")) {
    if (axis_ < 0) throw std::runtime_error("axis " + std::to_string(axis_) + " is negative");
    if (positions_ < 0) throw std::runtime_error("positions " + std::to_string(positions_) + " is negative");
  }

  void compute(const KernelRun& run) const override {
    Dims dims = run.dims(0, static_cast<size_t>(axis_) + 1, kAnyRank);
    const int64_t count = dims[static_cast<size_t>(axis_)];
    const float* updates = run.input(0, dims);
    const int64_t* at = run.int64_input(1, {count});
    auto* own = static_cast<int64_t*>(run.scratch(sizeof(int64_t) * static_cast<size_t>(count)));
    for (int64_t i = 0; i < count; ++i) {
      own[i] = at[i] < 0 ? at[i] + positions_ : at[i];
      if (own[i] < 0 || own[i] >= positions_) {
        run.refuse("index " + std::to_string(at[i]) + " is outside of " + std::to_string(positions_) + " positions");
      }
    }
    const auto product = [](auto first, auto end) { return std::accumulate(first, end, int64_t{1}, std::multiplies<>()); };
    const auto after = dims.begin() + axis_ + 1;
    const kernels::AddSlicesShape shape{product(dims.begin(), dims.begin() + axis_), count, product(after, dims.end()), positions_};
    dims[static_cast<size_t>(axis_)] = positions_;
    kernels::add_slices(shape, updates, own, run.output(0, dims), run.parallel());
  }

 private:
  int64_t axis_, positions_;
};

template <class K>
std::unique_ptr<Kernel> create(const NodeAttributes& node) {
  return std::make_unique<K>(node);
}

// name, inputs, required ones, required outputs, outputs, …: see KernelSpec
const std::array<KernelSpec, 5> kSpecs = {{
    {"Conv", {"X", "W", "B"}, 2, 1, 1, create<Conv>},
    {"ConvGradInput", {"dY", "W"}, 2, 1, 1, create<ConvGradInput>},
    {"ConvGradWeight", {"X", "dY"}, 2, 1, 1, create<ConvGradWeight>},
    {"AddSlices", {"updates", "at"}, 2, 1, 1, create<AddSlices>, 1},
    {"Region", {"inputs"}, 1, 1, 1, create_region, SIZE_MAX, true},
}};

}  // namespace

struct KernelDomain::Ops {
  ScratchPool scratch;
  std::vector<std::unique_ptr<KernelOp>> list;
};

KernelDomain::KernelDomain(const Library& library, unsigned threads) : library_(library), ops_(std::make_unique<Ops>()) {
  library.check(library.api().CreateCustomOpDomain("flatmin", &handle_));
  const auto add = [&](const KernelSpec& spec) {
    ops_->list.push_back(std::make_unique<KernelOp>(library, spec, threads, ops_->scratch));
    library.check(library.api().CustomOpDomain_Add(handle_, ops_->list.back().get()));
  };
  for (const KernelSpec& spec : kSpecs) add(spec);
  for (const KernelSpec& spec : batch_norm_specs()) add(spec);
  for (const KernelSpec& spec : attention_specs()) add(spec);
}

KernelDomain::~KernelDomain() { library_.api().ReleaseCustomOpDomain(handle_); }

}  // namespace flatmin
