// Bindings, free of N-API: what worker threads may touch.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../base/storage.h"
#include "session.h"
#include "tensor_info.h"

namespace flatmin {

struct FetchedTensor {
  TensorInfo info;
  View bound;                  // what it was bound to, or
  const void* data = nullptr;  // what ONNX Runtime allocated: the binding's, valid until its next run
  size_t bytes = 0;

  void copy_to(void* target) const;
};

// What one run reads and writes. Holds its session and every storage it is bound to.
class Binding {
 public:
  Binding(std::shared_ptr<Session> session, const ConfigEntries& run_config);
  ~Binding();
  Binding(const Binding&) = delete;

  // Throw std::invalid_argument on an unknown name, a short buffer, an element type of unknown size, a buffer on a GPU that the
  // session does not run on, or while running.
  void bind_input(const std::string& name, const View& view, int type, const std::vector<int64_t>& dims);
  void bind_output(const std::string& name, const View& view, int type, const std::vector<int64_t>& dims);
  void bind_output(const std::string& name);  // ONNX Runtime allocates it at each run

  void begin();  // throws std::logic_error when already running or when an input or output is not bound
  void run();    // blocking; between begin and end
  void end() { running_ = false; }

  std::vector<FetchedTensor> fetch() const;  // the outputs ONNX Runtime allocated and the bound ones, in binding order

 private:
  struct Bound {
    View view;
    OrtValue* value = nullptr;
  };
  void bind(bool input, const std::string& name, const View& view, int type, const std::vector<int64_t>& dims);
  void run_here();
  void require_idle() const;
  void require_reachable(const std::string& name, const Storage& storage) const;

  std::shared_ptr<Session> session_;
  std::unique_ptr<OrtRunOptions, void(ORT_CALL*)(OrtRunOptions*)> run_options_;
  OrtIoBinding* binding_ = nullptr;
  std::map<std::string, Bound> inputs_, outputs_;
  std::vector<std::string> output_order_;  // as ONNX Runtime returns the bound values
  std::atomic<bool> running_{false};
};

}  // namespace flatmin
