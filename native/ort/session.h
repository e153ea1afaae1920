// Sessions, free of N-API: what worker threads may touch.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../cuda/device.h"
#include "../operators/custom_ops.h"
#include "library.h"
#include "tensor_info.h"

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

}  // namespace flatmin
