// flatmin's own CPU kernels as ONNX Runtime custom ops, domain "flatmin". Sources of the operators: custom_ops.cc.
#pragma once

#include <memory>

#include "../ort/ort_api.h"

namespace flatmin {

class Library;

// The domain with every kernel in it, for one session: kernels share their work out over `threads` threads.
class KernelDomain {
 public:
  KernelDomain(const Library& library, unsigned threads);
  ~KernelDomain();
  KernelDomain(const KernelDomain&) = delete;

  OrtCustomOpDomain* handle() const { return handle_; }

 private:
  struct Ops;
  const Library& library_;
  OrtCustomOpDomain* handle_ = nullptr;
  std::unique_ptr<Ops> ops_;
};

}  // namespace flatmin
