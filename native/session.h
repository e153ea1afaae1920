// Sessions and bindings, free of N-API: what worker threads may touch.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cuda/device.h"
#include "custom_ops.h"
#include "library.h"
#include "storage.h"

namespace flatmin {

using ConfigEntries = std::vector<std::pair<std::string, std::string>>;

struct SessionOptions {
  int intra_op_threads = 0;  // 0: ONNX Runtime chooses
  int inter_op_threads = 1;
  int optimization_level = 99;  // GraphOptimizationLevel: 0, 1, 2, 99
  bool kernels = false;         // register flatmin's custom ops
  bool memory_arena = true;
  bool memory_pattern = true;
  std::string profile_prefix;
  ConfigEntries config;
  std::vector<std::pair<std::string, ConfigEntries>> providers;
  std::shared_ptr<cuda::Device> exclusive_on;  // runs are made by its exclusively()
};

struct TensorInfo {
  std::string name;
  int type = 0;                      // ONNX element type; 0 when the value is not a tensor
  bool ranked = false;               // false: not even the rank is known
  std::vector<int64_t> dims;         // -1 where symbolic
  std::vector<std::string> symbols;  // names of symbolic dimensions, "" elsewhere
};

class Session {
 public:
  // Throws std::invalid_argument where runs would be captured as CUDA graphs and would not have the GPU to themselves.
  Session(std::shared_ptr<Library> library, const std::string& model, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;

  Library& library() const { return *library_; }
  bool has_providers() const { return has_providers_; }            // other than the CPU's
  std::optional<int> cuda_ordinal() const { return cuda_ordinal_; }  // of the GPU that it runs on
  OrtSession* handle() const { return session_; }
  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }
  std::string end_profiling();  // the profile's path
  [[nodiscard]] cuda::Share share() const;  // around calls of ONNX Runtime that may reach a GPU; empty for sessions of the CPU
  void run(const std::function<void()>& work) const;  // under a share, or exclusively

 private:
  std::vector<TensorInfo> describe(bool inputs) const;
  void release();

  std::shared_ptr<Library> library_;
  bool has_providers_;
  std::optional<int> cuda_ordinal_;
  std::shared_ptr<cuda::Device> exclusive_on_;
  std::unique_ptr<KernelDomain> kernels_;  // outlives the session
  OrtSession* session_ = nullptr;
  std::vector<TensorInfo> inputs_, outputs_;
};

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

size_t element_bytes(int type);  // 0 for types without a fixed size

}  // namespace flatmin
