#include "session.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace flatmin {
namespace {

void append_cuda(const Library& library, OrtSessionOptions* options, const std::vector<const char*>& keys,
                 const std::vector<const char*>& values) {
  const auto& api = library.api();
  void* cuda = nullptr;
  library.check(api.CreateCUDAProviderOptions(&cuda));
  OrtStatus* status = api.UpdateCUDAProviderOptions(cuda, keys.data(), values.data(), keys.size());
  if (!status) status = api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda);
  api.ReleaseCUDAProviderOptions(cuda);
  library.check(status);
}

void configure(const Library& library, OrtSessionOptions* out, const SessionOptions& options) {
  const auto& api = library.api();
  if (options.intra_op_threads > 0) library.check(api.SetIntraOpNumThreads(out, options.intra_op_threads));
  library.check(api.SetInterOpNumThreads(out, options.inter_op_threads));
  library.check(api.SetSessionGraphOptimizationLevel(out, options.optimization_level));
  if (!options.memory_arena) library.check(api.DisableCpuMemArena(out));
  if (!options.memory_pattern) library.check(api.DisableMemPattern(out));
  if (!options.profile_prefix.empty()) {
    std::basic_string<OrtPathChar> prefix(options.profile_prefix.begin(), options.profile_prefix.end());
    library.check(api.EnableProfiling(out, prefix.c_str()));
  }
  for (const auto& [key, value] : options.config) library.check(api.AddSessionConfigEntry(out, key.c_str(), value.c_str()));
  for (const auto& [name, entries] : options.providers) {
    std::vector<const char*> keys, values;
    for (const auto& [key, value] : entries) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
    if (name == "CUDA") {
      append_cuda(library, out, keys, values);
    } else {
      library.check(api.SessionOptionsAppendExecutionProvider(out, name.c_str(), keys.data(), values.data(), keys.size()));
    }
  }
}

// Of the CUDA provider; the fallback where it is not given, nothing where there is no such provider.
std::optional<std::string> cuda_option(const SessionOptions& options, const std::string& wanted, const char* fallback) {
  for (const auto& [name, entries] : options.providers) {
    if (name != "CUDA") continue;
    for (const auto& [key, value] : entries) {
      if (key == wanted) return value;
    }
    return fallback;
  }
  return std::nullopt;
}

std::optional<int> cuda_ordinal_of(const SessionOptions& options) {
  auto ordinal = cuda_option(options, "device_id", "0");
  return ordinal ? std::optional(std::atoi(ordinal->c_str())) : std::nullopt;
}

// Throws std::invalid_argument where runs would be captured and would not have the GPU to themselves.
void require_exclusive(const SessionOptions& options) {
  if (cuda_option(options, "enable_cuda_graph", "0").value_or("0") == "0") return;
  int ordinal = *cuda_ordinal_of(options);
  if (options.exclusive_on && options.exclusive_on->ordinal() == ordinal) return;
  throw std::invalid_argument("a session that captures CUDA graphs must be exclusiveOn the GPU that it runs on, cuda:" + std::to_string(ordinal));
}

}  // namespace

Session::Session(std::shared_ptr<Library> library, const std::string& model, const SessionOptions& options)
    : library_(std::move(library)),
      has_providers_(!options.providers.empty()),
      cuda_ordinal_(cuda_ordinal_of(options)),
      exclusive_on_(options.exclusive_on) {
  require_exclusive(options);
  const auto& api = library_->api();
  OrtSessionOptions* raw = nullptr;
  library_->check(api.CreateSessionOptions(&raw));
  std::unique_ptr<OrtSessionOptions, void(ORT_CALL*)(OrtSessionOptions*)> owned(raw, api.ReleaseSessionOptions);
  configure(*library_, raw, options);
  if (options.kernels) {
    unsigned threads = options.intra_op_threads > 0 ? static_cast<unsigned>(options.intra_op_threads) : std::thread::hardware_concurrency();
    kernels_ = std::make_unique<KernelDomain>(*library_, std::max(1u, threads));
    library_->check(api.AddCustomOpDomain(raw, kernels_->handle()));
  }
  {
    // ONNX Runtime registers a custom-op domain process-wide, asking first and adding then: two sessions at once would both add it.
    static std::mutex registering;
    std::unique_lock<std::mutex> lock(registering, std::defer_lock);
    if (options.kernels) lock.lock();
    auto held = share();
    library_->check(api.CreateSessionFromArray(library_->env(), model.data(), model.size(), raw, &session_));
  }
  try {
    inputs_ = describe(true);
    outputs_ = describe(false);
  } catch (...) {
    release();
    throw;
  }
}

Session::~Session() { release(); }

void Session::release() {
  auto held = exclusive_on_ ? exclusive_on_->share() : share();
  if (exclusive_on_) exclusive_on_->drain();  // its graphs may be playing
  library_->api().ReleaseSession(session_);
}

cuda::Share Session::share() const { return cuda_ordinal_ || exclusive_on_ ? cuda::share_gpus() : cuda::Share(); }

void Session::run(const std::function<void()>& work) const {
  if (exclusive_on_) return exclusive_on_->exclusively(work);
  auto held = share();
  work();
}

std::vector<TensorInfo> Session::describe(bool inputs) const {
  const auto& api = library_->api();
  size_t count = 0;
  library_->check(inputs ? api.SessionGetInputCount(session_, &count) : api.SessionGetOutputCount(session_, &count));
  std::vector<TensorInfo> out(count);
  for (size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    library_->check(inputs ? api.SessionGetInputName(session_, i, library_->allocator(), &name)
                           : api.SessionGetOutputName(session_, i, library_->allocator(), &name));
    out[i].name = name;
    library_->check(api.AllocatorFree(library_->allocator(), name));
    OrtTypeInfo* raw = nullptr;
    library_->check(inputs ? api.SessionGetInputTypeInfo(session_, i, &raw) : api.SessionGetOutputTypeInfo(session_, i, &raw));
    std::unique_ptr<OrtTypeInfo, void(ORT_CALL*)(OrtTypeInfo*)> owned(raw, api.ReleaseTypeInfo);
    int kind = 0;
    library_->check(api.GetOnnxTypeFromTypeInfo(raw, &kind));
    if (kind != ort::kTensor) continue;
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;
    library_->check(api.CastTypeInfoToTensorInfo(raw, &tensor));
    if (tensor) read_tensor_info(*library_, tensor, out[i]);
  }
  return out;
}

std::string Session::end_profiling() {
  auto held = share();
  char* path = nullptr;
  library_->check(library_->api().SessionEndProfiling(session_, library_->allocator(), &path));
  std::string out = path;
  library_->check(library_->api().AllocatorFree(library_->allocator(), path));
  return out;
}

}  // namespace flatmin
