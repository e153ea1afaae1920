#include "region_op.h"

#include "../kernels/region/region.h"
#include "kernel_run.h"

namespace flatmin {
namespace {

namespace region = kernels::region;

class RegionKernel : public Kernel {
 public:
  explicit RegionKernel(const NodeAttributes& node)
      : region_({.axes = node.integers("axes"),
                 .columns = node.integer("columns"),
                 .input_strides = node.integers("input_strides"),
                 .output_strides = node.integers("output_strides"),
                 .output_dims = node.integers("output_dims"),
                 .code = node.integers("code"),
                 .constants = node.numbers("constants")}) {}

  void compute(const KernelRun& run) const override {
    const region::Program& program = region_.program();
    require_count(run, "inputs", run.input_count(), program.inputs.size());
    require_count(run, "outputs", run.output_count(), program.outputs.size());
    std::vector<region::Input> inputs;
    std::vector<uint8_t> bools;
    for (size_t index = 0; index < program.inputs.size(); ++index) {
      inputs.push_back(input(run, index));
      bools.push_back(inputs.back().is_bool);
    }
    std::vector<float*> outputs;
    for (size_t index = 0; index < program.outputs.size(); ++index) outputs.push_back(run.output(index, program.output_dims[index]));
    const auto plan = region_.plan(bools);
    region::run(*plan, inputs, outputs, run.scratch(region::scratch_bytes(*plan, run.parallel().threads)), run.parallel());
  }

 private:
  static void require_count(const KernelRun& run, const char* what, size_t found, size_t expected) {
    if (found != expected) run.refuse(std::to_string(found) + " " + what + ", expected " + std::to_string(expected));
  }

  region::Input input(const KernelRun& run, size_t index) const {
    const AnyTensor tensor = run.any_input(index);
    const std::string name = "input " + std::to_string(index);
    if (tensor.type != ort::kFloat && tensor.type != ort::kBool) {
      run.refuse(name + " has element type " + std::to_string(tensor.type) + ", expected float (1) or bool (9)");
    }
    int64_t elements = 1;
    for (const int64_t extent : tensor.dims) elements *= extent;
    const int64_t needed = region_.program().inputs[index].extent;
    if (elements < needed) {
      run.refuse(name + " has shape " + shape_text(tensor.dims) + ", of " + std::to_string(elements) + " elements, expected at least " + std::to_string(needed));
    }
    return {tensor.data, tensor.type == ort::kBool};
  }

  region::Region region_;
};

}  // namespace

std::unique_ptr<Kernel> create_region(const NodeAttributes& node) { return std::make_unique<RegionKernel>(node); }

}  // namespace flatmin
