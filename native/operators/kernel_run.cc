#include "kernel_run.h"

#include <stdexcept>

namespace flatmin {

std::string shape_text(const Dims& dims) {
  std::string text = "[";
  for (size_t axis = 0; axis < dims.size(); ++axis) text += (axis ? ", " : "") + std::to_string(dims[axis]);
  return text + "]";
}

KernelRun::KernelRun(const Library& library, const KernelSpec& spec, OrtKernelContext* context, unsigned threads, ScratchPool& scratch)
    : library_(library),
      spec_(spec),
      context_(context),
      scratch_pool_(scratch),
      pool_{&library, context},
      parallel_{&pool_, threads, nullptr} {
  parallel_.run = [](void* pool, size_t count, void (*fn)(void*, size_t), void* arg) {
    const Pool& session = *static_cast<Pool*>(pool);
    session.library->check(session.library->api().KernelContext_ParallelFor(session.context, fn, count, count, arg));
  };
}

void KernelRun::refuse(const std::string& why) const { throw std::runtime_error(std::string(spec_.name) + ": " + why); }

const OrtValue* KernelRun::value(size_t index) const {
  const OrtValue* found = nullptr;
  if (index < input_count()) library_.check(library_.api().KernelContext_GetInput(context_, index, &found));
  if (!found && index < spec_.required_inputs) refuse("input " + std::string(spec_.inputs[index]) + " is missing");
  return found;
}

size_t KernelRun::input_count() const {
  size_t count = 0;
  library_.check(library_.api().KernelContext_GetInputCount(context_, &count));
  return count;
}

size_t KernelRun::output_count() const {
  size_t count = 0;
  library_.check(library_.api().KernelContext_GetOutputCount(context_, &count));
  return count;
}

Dims KernelRun::dims_of(const OrtValue* value) const { return describe(value).dims; }

AnyTensor KernelRun::describe(const OrtValue* value) const {
  const auto& api = library_.api();
  OrtTensorTypeAndShapeInfo* info = nullptr;
  library_.check(api.GetTensorTypeAndShape(value, &info));
  std::unique_ptr<OrtTensorTypeAndShapeInfo, void(ORT_CALL*)(OrtTensorTypeAndShapeInfo*)> owned(info, api.ReleaseTensorTypeAndShapeInfo);
  AnyTensor tensor{};
  library_.check(api.GetTensorElementType(info, &tensor.type));
  size_t rank = 0;
  library_.check(api.GetDimensionsCount(info, &rank));
  tensor.dims.resize(rank);
  library_.check(api.GetDimensions(info, tensor.dims.data(), rank));
  return tensor;
}

AnyTensor KernelRun::any_input(size_t index) const {
  const OrtValue* found = value(index);
  if (!found) refuse("input " + std::to_string(index) + " is missing");
  AnyTensor tensor = describe(found);
  void* data = nullptr;
  library_.check(library_.api().GetTensorMutableData(const_cast<OrtValue*>(found), &data));
  tensor.data = data;
  return tensor;
}

Dims KernelRun::dims(size_t index, size_t least_rank, size_t most_rank) const {
  Dims found = dims_of(value(index));
  if (found.size() < least_rank || found.size() > most_rank) {
    refuse("input " + std::string(spec_.inputs[index]) + " has shape " + shape_text(found) + ", expected " +
           (found.size() < least_rank && least_rank < most_rank ? "at least " : "") +
           std::to_string(found.size() < least_rank ? least_rank : most_rank) + " axes");
  }
  return found;
}

const void* KernelRun::data(const OrtValue* value, size_t index, const Dims& expected) const {
  if (const Dims dims = dims_of(value); dims != expected) {
    refuse("input " + std::string(spec_.inputs[index]) + " has shape " + shape_text(dims) + ", expected " + shape_text(expected));
  }
  void* data = nullptr;
  library_.check(library_.api().GetTensorMutableData(const_cast<OrtValue*>(value), &data));
  return data;
}

const float* KernelRun::input(size_t index, const Dims& expected) const {
  const OrtValue* found = value(index);
  return found ? static_cast<const float*>(data(found, index, expected)) : nullptr;
}

const int64_t* KernelRun::int64_input(size_t index, const Dims& expected) const {
  return static_cast<const int64_t*>(data(value(index), index, expected));
}

float* KernelRun::output(size_t index, const Dims& dims) const {
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

}  // namespace flatmin
