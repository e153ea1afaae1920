#include "attention_op.h"

#include <algorithm>
#include <stdexcept>

#include "../kernels/attention/attention.h"
#include "kernel_run.h"

namespace flatmin {
namespace {

using kernels::HeadView;

constexpr size_t kAnyRank = SIZE_MAX;

// Where the matrices of heads lie in a tensor: attribute [offset, strides of the batch..., of rows, of columns], in elements.
class View {
 public:
  View(const NodeAttributes& node, const char* name, size_t rank) : name_(name), values_(node.integers(name)) {
    if (values_.size() != rank + 3) throw std::runtime_error(std::string(name) + " needs an offset and " + std::to_string(rank + 2) + " strides");
    for (const int64_t value : values_)
      if (value < 0 || value > kMost) throw std::runtime_error(std::string(name) + " is negative or too large");
  }

  HeadView head() const { return {values_[0], values_.data() + 1}; }

  // Refuses a tensor that ends before the last element of the view.
  void check(const KernelRun& run, const Dims& tensor, const Dims& viewed) const {
    int64_t elements = 1, last = values_[0];
    for (const int64_t size : tensor) elements *= size;
    for (size_t axis = 0; axis < viewed.size(); axis++) {
      if (viewed[axis] - 1 > 0 && values_[axis + 1] > kMost / (viewed[axis] - 1)) run.refuse(name_ + " is too large");
      last += (viewed[axis] - 1) * values_[axis + 1];
    }
    if (last >= elements) run.refuse(name_ + " reaches beyond a tensor of shape " + shape_text(tensor));
  }

 private:
  static constexpr int64_t kMost = int64_t(1) << 48;
  std::string name_;
  std::vector<int64_t> values_;
};

// Attributes batch, sizes [queries, keys, depth, value_depth], scale, causal, and the views of the inputs.
class AttentionKernel : public Kernel {
 protected:
  explicit AttentionKernel(const NodeAttributes& node)
      : batch_(node.integers("batch")),
        sizes_(node.integers("sizes")),
        scale_(node.number("scale")),
        causal_(node.integer("causal") != 0),
        q_(node, "q_view", batch_.size()),
        k_(node, "k_view", batch_.size()),
        v_(node, "v_view", batch_.size()),
        o_(node, "o_view", batch_.size()),
        mask_(node, "mask_view", batch_.size()) {
    if (sizes_.size() != 4) throw std::runtime_error("attention needs 4 sizes");
    if (!kernels::attention_supported(shape())) throw std::runtime_error("attention of sizes " + shape_text(sizes_) + " is not supported");
  }

  kernels::AttentionShape shape() const {
    return {batch_.data(), int64_t(batch_.size()), sizes_[0], sizes_[1], sizes_[2], sizes_[3], scale_, causal_,
            q_.head(),     k_.head(),              v_.head(), o_.head(), mask_.head()};
  }

  // An input of any shape that holds a view of matrices [rows, columns]; null when it is an optional one, and absent.
  const float* viewed(const KernelRun& run, size_t index, const View& view, int64_t rows, int64_t columns) const {
    const Dims dims = run.dims(index, 0, kAnyRank);
    view.check(run, dims, matrices(rows, columns));
    return run.input(index, dims);
  }

  // Q, K and V from `first` on, and the mask.
  kernels::AttentionInputs inputs(const KernelRun& run, size_t first, size_t mask) const {
    return {viewed(run, first, q_, queries(), depth()), viewed(run, first + 1, k_, keys(), depth()),
            viewed(run, first + 2, v_, keys(), value_depth()),
            run.has(mask) ? viewed(run, mask, mask_, queries(), keys()) : nullptr};
  }

  Dims matrices(int64_t rows, int64_t columns) const {
    Dims dims = batch_;
    dims.insert(dims.end(), {rows, columns});
    return dims;
  }

  Dims sums() const {
    Dims dims = batch_;
    dims.push_back(queries());
    return dims;
  }

  int64_t queries() const { return sizes_[0]; }
  int64_t keys() const { return sizes_[1]; }
  int64_t depth() const { return sizes_[2]; }
  int64_t value_depth() const { return sizes_[3]; }

  const std::vector<int64_t> batch_, sizes_;
  const float scale_;
  const bool causal_;
  const View q_, k_, v_, o_, mask_;
};

// Attention(Q, K, V, mask?; o_dims) → O = softmax(scale·Q·Kᵀ + mask)·V, lse? = log Σ exp(scale·Q·Kᵀ + mask)
// O has the shape o_dims, lse [batch..., queries]. Causal: query i sees keys 0 to i alone.
class Attention : public AttentionKernel {
 public:
  explicit Attention(const NodeAttributes& node) : AttentionKernel(node), o_dims_(node.integers("o_dims")) {}

  void compute(const KernelRun& run) const override {
    const auto shape = this->shape();
    const auto in = inputs(run, 0, 3);
    o_.check(run, o_dims_, matrices(queries(), value_depth()));
    float* o = run.output(0, o_dims_);
    float* lse = run.output(1, sums());
    void* scratch = run.scratch(kernels::attention_forward_scratch(shape, run.parallel().threads));
    kernels::attention_forward(shape, in, o, lse, scratch, run.parallel());
  }

 private:
  std::vector<int64_t> o_dims_;
};

// AttentionGrad(dO, Q, K, V, O, lse, mask?; dq_scale, dk_scale, places [3], dims_0, dims_1, dims_2) → up to 3 tensors of these shapes:
// places says in which of them dQ, dK and dV lie, each in its view; −1: not wanted. With dS = gradient of the scores,
// dQ = dq_scale·dS·K and dK = dk_scale·dSᵀ·Q.
class AttentionGrad : public AttentionKernel {
 public:
  explicit AttentionGrad(const NodeAttributes& node)
      : AttentionKernel(node),
        dq_scale_(node.number("dq_scale")),
        dk_scale_(node.number("dk_scale")),
        places_(node.integers("places")),
        dims_{node.integers("dims_0"), node.integers("dims_1"), node.integers("dims_2")},
        d_o_(node, "do_view", batch_.size()),
        gradients_{View(node, "dq_view", batch_.size()), View(node, "dk_view", batch_.size()), View(node, "dv_view", batch_.size())} {
    if (places_.size() != 3 || std::any_of(places_.begin(), places_.end(), [](int64_t place) { return place < -1 || place > 2; }))
      throw std::runtime_error("places needs three outputs, or -1");
  }

  void compute(const KernelRun& run) const override {
    const auto shape = this->shape();
    const float* d_o = viewed(run, 0, d_o_, queries(), value_depth());
    const auto in = inputs(run, 1, 6);
    const float* o = viewed(run, 4, o_, queries(), value_depth());
    const float* lse = run.input(5, sums());
    const Dims wanted[3] = {matrices(queries(), depth()), matrices(keys(), depth()), matrices(keys(), value_depth())};
    float* made[3] = {};
    for (size_t i = 0; i < 3; i++) {
      int64_t missing = elements(dims_[i]);
      bool any = false;
      for (size_t gradient = 0; gradient < 3; gradient++) {
        if (places_[gradient] != int64_t(i)) continue;
        any = true;
        missing -= elements(wanted[gradient]);
        gradients_[gradient].check(run, dims_[i], wanted[gradient]);
      }
      if (!any) continue;
      if (missing != 0) run.refuse("gradients do not fill an output of shape " + shape_text(dims_[i]));
      made[i] = run.output(i, dims_[i]);
    }
    const auto place = [&](size_t gradient) { return places_[gradient] < 0 ? nullptr : made[places_[gradient]]; };
    const kernels::AttentionGradShape grad = {d_o_.head(),           gradients_[0].head(), gradients_[1].head(),
                                              gradients_[2].head(), dq_scale_,            dk_scale_};
    void* scratch = run.scratch(kernels::attention_backward_scratch(shape, run.parallel().threads));
    kernels::attention_backward(shape, grad, in, o, lse, d_o, {place(0), place(1), place(2)}, scratch, run.parallel());
  }

 private:
  static int64_t elements(const Dims& dims) {
    int64_t product = 1;
    for (const int64_t size : dims) product *= size;
    return product;
  }

  float dq_scale_, dk_scale_;
  std::vector<int64_t> places_;
  Dims dims_[3];
  View d_o_;
  View gradients_[3];
};

template <class K>
std::unique_ptr<Kernel> create(const NodeAttributes& node) {
  return std::make_unique<K>(node);
}

}  // namespace

const std::array<KernelSpec, 2>& attention_specs() {
  static const std::array<KernelSpec, 2> specs = {{
      {"Attention", {"Q", "K", "V", "mask"}, 3, 1, 2, create<Attention>},
      {"AttentionGrad", {"dO", "Q", "K", "V", "O", "lse", "mask"}, 6, 1, 3, create<AttentionGrad>},
  }};
  return specs;
}

}  // namespace flatmin
