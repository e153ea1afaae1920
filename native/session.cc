#include "session.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
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

void read_tensor_info(const Library& library, const OrtTensorTypeAndShapeInfo* info, TensorInfo& out) {
  const auto& api = library.api();
  size_t rank = 0;
  library.check(api.GetTensorElementType(info, &out.type));
  out.ranked = api.TensorTypeAndShape_HasShape(info);
  library.check(api.GetDimensionsCount(info, &rank));
  out.dims.resize(rank);
  library.check(api.GetDimensions(info, out.dims.data(), rank));
  std::vector<const char*> symbols(rank, nullptr);
  library.check(api.GetSymbolicDimensions(info, symbols.data(), rank));
  for (const char* symbol : symbols) out.symbols.emplace_back(symbol ? symbol : "");
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

size_t element_bytes(int type) {
  switch (type) {
    case 2: case 3: case 9: return 1;
    case 4: case 5: case 10: case 16: return 2;
    case 1: case 6: case 12: return 4;
    case 7: case 11: case 13: return 8;
    default: return 0;
  }
}

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

Binding::Binding(std::shared_ptr<Session> session, const ConfigEntries& run_config)
    : session_(std::move(session)), run_options_(nullptr, session_->library().api().ReleaseRunOptions) {
  const auto& library = session_->library();
  OrtRunOptions* options = nullptr;
  library.check(library.api().CreateRunOptions(&options));
  run_options_.reset(options);
  for (const auto& [key, value] : run_config) library.check(library.api().AddRunConfigEntry(options, key.c_str(), value.c_str()));
  library.check(library.api().CreateIoBinding(session_->handle(), &binding_));
}

Binding::~Binding() {
  auto held = session_->share();
  const auto& api = session_->library().api();
  api.ReleaseIoBinding(binding_);
  for (auto* bound : {&inputs_, &outputs_}) {
    for (auto& entry : *bound) api.ReleaseValue(entry.second.value);
  }
}

void Binding::require_idle() const {
  if (running_) throw std::logic_error("the binding is running: await its run before binding or running again");
}

// A session takes memory that it does not know of for the CPU's.
void Binding::require_reachable(const std::string& name, const Storage& storage) const {
  auto ordinal = session_->cuda_ordinal();
  if (storage.on_host() || ordinal == storage.ordinal()) return;
  throw std::invalid_argument("\"" + name + "\" is bound to memory of " + storage.device() + ", but the session runs on " +
                              (ordinal ? "cuda:" + std::to_string(*ordinal) : "the CPU"));
}

void Binding::bind(bool input, const std::string& name, const View& view, int type, const std::vector<int64_t>& dims) {
  require_idle();
  const auto& known = input ? session_->inputs() : session_->outputs();
  if (std::none_of(known.begin(), known.end(), [&](const TensorInfo& info) { return info.name == name; })) {
    throw std::invalid_argument("the session has no " + std::string(input ? "input" : "output") + " named \"" + name + "\"");
  }
  size_t needed = element_bytes(type);
  if (needed == 0) throw std::invalid_argument("\"" + name + "\" has element type " + std::to_string(type) + ", which has no fixed size");
  for (int64_t dim : dims) {
    if (dim < 0) throw std::invalid_argument("\"" + name + "\" has a negative dimension");
    if (dim > 0 && needed > std::numeric_limits<size_t>::max() / 2 / static_cast<size_t>(dim)) {
      throw std::invalid_argument("the shape of \"" + name + "\" is larger than memory");
    }
    needed *= static_cast<size_t>(dim);
  }
  if (needed > view.bytes) {
    throw std::invalid_argument("\"" + name + "\" needs " + std::to_string(needed) + " bytes, but its buffer has " +
                                std::to_string(view.bytes));
  }
  require_reachable(name, *view.storage);
  const auto& api = session_->library().api();
  auto held = session_->share();  // an input on the other side of the bus is copied
  OrtValue* value = nullptr;
  session_->library().check(api.CreateTensorWithDataAsOrtValue(session_->library().memory_of(*view.storage), view.data(), needed,
                                                               dims.data(), dims.size(), type, &value));
  OrtStatus* status = input ? api.BindInput(binding_, name.c_str(), value) : api.BindOutput(binding_, name.c_str(), value);
  if (status) {
    api.ReleaseValue(value);
    session_->library().check(status);
  }
  if (!input && !outputs_.count(name)) output_order_.push_back(name);
  Bound& slot = (input ? inputs_ : outputs_)[name];
  if (slot.value) api.ReleaseValue(slot.value);
  if (held) held.unlock();  // the storage that was bound before may go
  slot = {view, value};
}

void Binding::bind_input(const std::string& name, const View& view, int type, const std::vector<int64_t>& dims) {
  bind(true, name, view, type, dims);
}

void Binding::bind_output(const std::string& name, const View& view, int type, const std::vector<int64_t>& dims) {
  bind(false, name, view, type, dims);
}

void Binding::bind_output(const std::string& name) {
  require_idle();
  const auto& known = session_->outputs();
  if (std::none_of(known.begin(), known.end(), [&](const TensorInfo& info) { return info.name == name; })) {
    throw std::invalid_argument("the session has no output named \"" + name + "\"");
  }
  const auto& library = session_->library();
  library.check(library.api().BindOutputToDevice(binding_, name.c_str(), library.cpu_memory()));
  if (!outputs_.count(name)) output_order_.push_back(name);
  Bound& slot = outputs_[name];
  if (slot.value) library.api().ReleaseValue(slot.value);
  slot = {};
}

void Binding::begin() {
  for (const auto& info : session_->inputs()) {
    if (!inputs_.count(info.name)) throw std::logic_error("input \"" + info.name + "\" is not bound");
  }
  if (outputs_.empty()) throw std::logic_error("no output is bound");
  if (running_.exchange(true)) throw std::logic_error("the binding is running: await its run before binding or running again");
}

void Binding::run() {
  session_->run([this] { run_here(); });
}

void Binding::run_here() {
  const auto& library = session_->library();
  // Bound anew, or the first run's allocation, and its shape, would be kept.
  for (const auto& [name, bound] : outputs_) {
    if (!bound.value) library.check(library.api().BindOutputToDevice(binding_, name.c_str(), library.cpu_memory()));
  }
  // With more than one device ONNX Runtime copies, when it is bound, an input that is not where its nodes run: this run's content, then.
  if (session_->has_providers()) {
    for (const auto& [name, bound] : inputs_) library.check(library.api().BindInput(binding_, name.c_str(), bound.value));
  }
  library.check(library.api().RunWithBinding(session_->handle(), run_options_.get(), binding_));
}

void FetchedTensor::copy_to(void* target) const {
  if (bytes == 0) return;
  if (bound.storage) {
    bound.storage->read(bound.offset, target, bytes);
  } else {
    std::memcpy(target, data, bytes);
  }
}

std::vector<FetchedTensor> Binding::fetch() const {
  require_idle();
  const auto& library = session_->library();
  const auto& api = library.api();
  OrtValue** values = nullptr;
  size_t count = 0;
  library.check(api.GetBoundOutputValues(binding_, library.allocator(), &values, &count));
  // The binding keeps its own references to the data; these go whatever happens below.
  struct Owned {
    const Library& library;
    OrtValue** values;
    size_t count;
    ~Owned() {
      for (size_t i = 0; i < count; ++i) library.api().ReleaseValue(values[i]);
      if (values) library.allocator()->Free(library.allocator(), values);
    }
  } owned_values{library, values, count};
  std::vector<FetchedTensor> out;
  for (size_t i = 0; i < count; ++i) {
    FetchedTensor fetched;
    OrtTensorTypeAndShapeInfo* raw = nullptr;
    library.check(api.GetTensorTypeAndShape(values[i], &raw));
    std::unique_ptr<OrtTensorTypeAndShapeInfo, void(ORT_CALL*)(OrtTensorTypeAndShapeInfo*)> owned(raw, api.ReleaseTensorTypeAndShapeInfo);
    read_tensor_info(library, raw, fetched.info);
    fetched.info.name = output_order_.at(i);
    fetched.bytes = element_bytes(fetched.info.type);
    for (int64_t dim : fetched.info.dims) fetched.bytes *= static_cast<size_t>(dim);
    void* data = nullptr;
    library.check(api.GetTensorMutableData(values[i], &data));
    fetched.data = data;
    fetched.bound = outputs_.at(fetched.info.name).view;
    out.push_back(std::move(fetched));
  }
  return out;
}

}  // namespace flatmin
