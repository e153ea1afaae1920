// One execution of a custom op: its inputs, each checked before it is read, its outputs, threads and scratch memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../kernels/conv/conv.h"
#include "kernel_op.h"

namespace flatmin {

using Dims = std::vector<int64_t>;

std::string shape_text(const Dims& dims);  // "[2, 3]"

struct AnyTensor {
  int type;  // ONNX's number of the element type
  Dims dims;
  const void* data;
};

// Methods throw std::runtime_error. Tensors are float32, but for `int64_input` and `any_input`.
class KernelRun {
 public:
  KernelRun(const Library& library, const KernelSpec& spec, OrtKernelContext* context, unsigned threads, ScratchPool& scratch);
  ~KernelRun();
  KernelRun(const KernelRun&) = delete;

  bool has(size_t index) const { return value(index) != nullptr; }
  Dims dims(size_t index, size_t least_rank, size_t most_rank) const;
  // The data of an input of that very shape: what is read is in bounds. Null when an optional input is absent.
  const float* input(size_t index, const Dims& expected) const;
  const int64_t* int64_input(size_t index, const Dims& expected) const;  // a required one
  AnyTensor any_input(size_t index) const;
  size_t input_count() const;
  size_t output_count() const;
  float* output(size_t index, const Dims& dims) const;  // null when the optional output is not wanted
  // 64-byte aligned, not cleared; once a run, valid until its end.
  void* scratch(size_t bytes) const;
  const kernels::Parallel& parallel() const { return parallel_; }
  [[noreturn]] void refuse(const std::string& why) const;  // under the op's name

 private:
  const OrtValue* value(size_t index) const;  // null when the optional input is absent
  Dims dims_of(const OrtValue* value) const;
  const void* data(const OrtValue* value, size_t index, const Dims& expected) const;
  AnyTensor describe(const OrtValue* value) const;

  const Library& library_;
  const KernelSpec& spec_;
  OrtKernelContext* context_;
  ScratchPool& scratch_pool_;
  mutable std::unique_ptr<CpuStorage> scratch_;
  struct Pool {
    const Library* library;
    const OrtKernelContext* context;
  } pool_;
  kernels::Parallel parallel_;
};

}  // namespace flatmin
