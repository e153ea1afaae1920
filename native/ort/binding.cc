#include "binding.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace flatmin {

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
  if (reinterpret_cast<uintptr_t>(view.data()) % element_bytes(type) != 0) {
    throw std::invalid_argument("\"" + name + "\" is bound to byte " + std::to_string(view.offset) + " of its buffer, which is no multiple of the " +
                                std::to_string(element_bytes(type)) + " bytes of an element");
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
