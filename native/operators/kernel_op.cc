#include "kernel_op.h"

#include <stdexcept>

namespace flatmin {
namespace {

constexpr int kFloat = 1, kFail = 1;
enum Characteristic { kRequired = 0, kOptional = 1 };

const KernelOp& op_of(const OrtCustomOp* op) { return *static_cast<const KernelOp*>(op); }

// A kernel with what its runs need.
struct Instance {
  const Library& library;
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

KernelRun::KernelRun(const Library& library, OrtKernelContext* context, unsigned threads, ScratchPool& scratch)
    : library_(library), context_(context), scratch_pool_(scratch), pool_{&library, context}, parallel_{&pool_, threads, nullptr} {
  parallel_.run = [](void* pool, size_t count, void (*fn)(void*, size_t), void* arg) {
    const Pool& session = *static_cast<Pool*>(pool);
    session.library->check(session.library->api().KernelContext_ParallelFor(session.context, fn, count, count, arg));
  };
}

const OrtValue* KernelRun::value(size_t index) const {
  const OrtValue* found = nullptr;
  library_.check(library_.api().KernelContext_GetInput(context_, index, &found));
  return found;
}

const float* KernelRun::input(size_t index) const {
  size_t count = 0;
  library_.check(library_.api().KernelContext_GetInputCount(context_, &count));
  const OrtValue* found = index < count ? value(index) : nullptr;
  if (!found) return nullptr;
  void* data = nullptr;
  library_.check(library_.api().GetTensorMutableData(const_cast<OrtValue*>(found), &data));
  return static_cast<const float*>(data);
}

std::vector<int64_t> KernelRun::dims(size_t index) const {
  const auto& api = library_.api();
  OrtTensorTypeAndShapeInfo* info = nullptr;
  library_.check(api.GetTensorTypeAndShape(value(index), &info));
  std::unique_ptr<OrtTensorTypeAndShapeInfo, void(ORT_CALL*)(OrtTensorTypeAndShapeInfo*)> owned(info, api.ReleaseTensorTypeAndShapeInfo);
  size_t rank = 0;
  library_.check(api.GetDimensionsCount(info, &rank));
  std::vector<int64_t> dims(rank);
  library_.check(api.GetDimensions(info, dims.data(), rank));
  return dims;
}

float* KernelRun::output(size_t index, const std::vector<int64_t>& dims) const {
  OrtValue* made = nullptr;
  library_.check(library_.api().KernelContext_GetOutput(context_, index, dims.data(), dims.size(), &made));
  if (!made) return nullptr;
  void* data = nullptr;
  library_.check(library_.api().GetTensorMutableData(made, &data));
  return static_cast<float*>(data);
}

void* KernelRun::scratch(size_t bytes) const {
  if (bytes == 0) return nullptr;
  scratch_ = scratch_pool_.take(bytes);
  return scratch_->address();
}

KernelRun::~KernelRun() {
  if (scratch_) scratch_pool_.give_back(std::move(scratch_));
}

KernelOp::KernelOp(const Library& owner, const KernelSpec& described, unsigned count, ScratchPool& pool)
    : OrtCustomOp{}, library(owner), spec(described), threads(count), scratch(pool) {
  version = ort::kApiVersion;
  GetName = [](const OrtCustomOp* op) { return op_of(op).spec.name; };
  GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };
  GetInputType = [](const OrtCustomOp*, size_t) { return kFloat; };
  GetInputTypeCount = [](const OrtCustomOp* op) { return op_of(op).spec.inputs; };
  GetOutputType = [](const OrtCustomOp*, size_t) { return kFloat; };
  GetOutputTypeCount = [](const OrtCustomOp* op) { return op_of(op).spec.outputs; };
  GetInputCharacteristic = [](const OrtCustomOp* op, size_t index) -> int { return index < op_of(op).spec.required_inputs ? kRequired : kOptional; };
  GetOutputCharacteristic = [](const OrtCustomOp* op, size_t index) -> int { return index < op_of(op).spec.required_outputs ? kRequired : kOptional; };
  GetInputMemoryType = [](const OrtCustomOp*, size_t) -> int { return ort::kMemoryDefault; };
  GetVariadicInputMinArity = [](const OrtCustomOp*) { return 1; };
  GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 1; };
  GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 1; };
  GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 1; };
  GetStartVersion = [](const OrtCustomOp*) { return 1; };
  GetEndVersion = [](const OrtCustomOp*) { return 0x7fffffff; };
  CreateKernelV2 = [](const OrtCustomOp* op, const void*, const OrtKernelInfo* info, void** kernel) {
    const KernelOp& self = op_of(op);
    return as_status(self.library, [&] {
      *kernel = new Instance{self.library, self.threads, self.scratch, self.spec.create(NodeAttributes(self.library, info))};
    });
  };
  KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
    const Instance& self = *static_cast<Instance*>(kernel);
    return as_status(self.library, [&] { self.kernel->compute(KernelRun(self.library, context, self.threads, self.scratch)); });
  };
  KernelDestroy = [](void* kernel) { delete static_cast<Instance*>(kernel); };
}

}  // namespace flatmin
