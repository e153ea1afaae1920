#include "kernel_op.h"

#include <stdexcept>

#include "kernel_run.h"

namespace flatmin {
namespace {

constexpr int kAnyType = 0, kFail = 1;
enum Characteristic { kRequired = 0, kOptional = 1, kVariadic = 2 };

const KernelOp& op_of(const OrtCustomOp* op) { return *static_cast<const KernelOp*>(op); }

Characteristic characteristic(const KernelSpec& spec, bool required) { return spec.variadic ? kVariadic : required ? kRequired : kOptional; }

// A kernel with what its runs need.
struct Instance {
  const Library& library;
  const KernelSpec& spec;
  unsigned threads;
  ScratchPool& scratch;
  std::unique_ptr<Kernel> kernel;
};

template <class Body>
OrtStatus* as_status(const Library& library, const Body& body) {
  try {
    body();
    return nullptr;
  } catch (const std::exception& error) {
    return library.api().CreateStatus(kFail, error.what());
  }
}

}  // namespace

float NodeAttributes::number(const char* name) const {
  float value = 0;
  library_.check(library_.api().KernelInfoGetAttribute_float(info_, name, &value));
  return value;
}

int64_t NodeAttributes::integer(const char* name) const {
  int64_t value = 0;
  library_.check(library_.api().KernelInfoGetAttribute_int64(info_, name, &value));
  return value;
}

std::vector<int64_t> NodeAttributes::integers(const char* name) const {
  size_t size = 0;
  library_.check(library_.api().KernelInfoGetAttributeArray_int64(info_, name, nullptr, &size));
  std::vector<int64_t> values(size);
  library_.check(library_.api().KernelInfoGetAttributeArray_int64(info_, name, values.data(), &size));
  return values;
}

std::vector<float> NodeAttributes::numbers(const char* name) const {
  size_t size = 0;
  library_.check(library_.api().KernelInfoGetAttributeArray_float(info_, name, nullptr, &size));
  std::vector<float> values(size);
  library_.check(library_.api().KernelInfoGetAttributeArray_float(info_, name, values.data(), &size));
  return values;
}

KernelOp::KernelOp(const Library& owner, const KernelSpec& described, unsigned count, ScratchPool& pool)
    : OrtCustomOp{}, library(owner), spec(described), threads(count), scratch(pool) {
  version = ort::kApiVersion;
  GetName = [](const OrtCustomOp* op) { return op_of(op).spec.name; };
  GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
  GetInputType = [](const OrtCustomOp* op, size_t index) -> int {
    const KernelSpec& spec = op_of(op).spec;
    return spec.variadic ? kAnyType : index == spec.int64_input ? ort::kInt64 : ort::kFloat;
  };
  GetInputTypeCount = [](const OrtCustomOp* op) { return op_of(op).spec.inputs.size(); };
  GetOutputType = [](const OrtCustomOp*, size_t) -> int { return ort::kFloat; };
  GetOutputTypeCount = [](const OrtCustomOp* op) { return op_of(op).spec.outputs; };
  GetInputCharacteristic = [](const OrtCustomOp* op, size_t index) -> int { return characteristic(op_of(op).spec, index < op_of(op).spec.required_inputs); };
  GetOutputCharacteristic = [](const OrtCustomOp* op, size_t index) -> int { return characteristic(op_of(op).spec, index < op_of(op).spec.required_outputs); };
  GetInputMemoryType = [](const OrtCustomOp*, size_t) -> int { return ort::kMemoryDefault; };
  GetVariadicInputMinArity = [](const OrtCustomOp*) { return 1; };
  GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 0; };
  GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 1; };
  GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 1; };
  GetStartVersion = [](const OrtCustomOp*) { return 1; };
  GetEndVersion = [](const OrtCustomOp*) { return 0x7fffffff; };
  CreateKernelV2 = [](const OrtCustomOp* op, const void*, const OrtKernelInfo* info, void** kernel) {
    const KernelOp& self = op_of(op);
    return as_status(self.library, [&] {
      *kernel = new Instance{self.library, self.spec, self.threads, self.scratch, self.spec.create(NodeAttributes(self.library, info))};
    });
  };
  KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
    const Instance& self = *static_cast<Instance*>(kernel);
    return as_status(self.library, [&] { self.kernel->compute(KernelRun(self.library, self.spec, context, self.threads, self.scratch)); });
  };
  KernelDestroy = [](void* kernel) { delete static_cast<Instance*>(kernel); };
}

}  // namespace flatmin
