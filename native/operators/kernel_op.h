// The C interface of a custom op, reduced to a name, how many inputs and outputs there are, and a compute function.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../ort/library.h"
#include "scratch_pool.h"

// Field order and meaning: OrtCustomOp of onnxruntime_c_api.h, API version 18 and later.
struct OrtCustomOp {
  uint32_t version;
  void*(ORT_CALL* CreateKernel)(const OrtCustomOp*, const void* api, const OrtKernelInfo*);
  const char*(ORT_CALL* GetName)(const OrtCustomOp*);
  const char*(ORT_CALL* GetExecutionProviderType)(const OrtCustomOp*);
  int(ORT_CALL* GetInputType)(const OrtCustomOp*, size_t);
  size_t(ORT_CALL* GetInputTypeCount)(const OrtCustomOp*);
  int(ORT_CALL* GetOutputType)(const OrtCustomOp*, size_t);
  size_t(ORT_CALL* GetOutputTypeCount)(const OrtCustomOp*);
  void(ORT_CALL* KernelCompute)(void*, OrtKernelContext*);
  void(ORT_CALL* KernelDestroy)(void*);
  int(ORT_CALL* GetInputCharacteristic)(const OrtCustomOp*, size_t);
  int(ORT_CALL* GetOutputCharacteristic)(const OrtCustomOp*, size_t);
  int(ORT_CALL* GetInputMemoryType)(const OrtCustomOp*, size_t);
  int(ORT_CALL* GetVariadicInputMinArity)(const OrtCustomOp*);
  int(ORT_CALL* GetVariadicInputHomogeneity)(const OrtCustomOp*);
  int(ORT_CALL* GetVariadicOutputMinArity)(const OrtCustomOp*);
  int(ORT_CALL* GetVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus*(ORT_CALL* CreateKernelV2)(const OrtCustomOp*, const void* api, const OrtKernelInfo*, void** kernel);
  OrtStatus*(ORT_CALL* KernelComputeV2)(void*, OrtKernelContext*);
  OrtStatus*(ORT_CALL* InferOutputShapeFn)(const OrtCustomOp*, void*);
  int(ORT_CALL* GetStartVersion)(const OrtCustomOp*);
  int(ORT_CALL* GetEndVersion)(const OrtCustomOp*);
  size_t(ORT_CALL* GetMayInplace)(int** inputs, int** outputs);
  void(ORT_CALL* ReleaseMayInplace)(int* inputs, int* outputs);
  size_t(ORT_CALL* GetAliasMap)(int** inputs, int** outputs);
  void(ORT_CALL* ReleaseAliasMap)(int* inputs, int* outputs);
};

namespace flatmin {

// Attributes of a node, while its kernel is made.
class NodeAttributes {
 public:
  NodeAttributes(const Library& library, const OrtKernelInfo* info) : library_(library), info_(info) {}
  float number(const char* name) const;
  int64_t integer(const char* name) const;
  std::vector<int64_t> integers(const char* name) const;
  std::vector<float> numbers(const char* name) const;

 private:
  const Library& library_;
  const OrtKernelInfo* info_;
};

class KernelRun;

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void compute(const KernelRun& run) const = 0;
};

struct KernelSpec {
  const char* name;
  std::vector<const char*> inputs;  // their names
  size_t required_inputs, required_outputs, outputs;
  std::unique_ptr<Kernel> (*create)(const NodeAttributes&);
  size_t int64_input = SIZE_MAX;  // the one whose elements are int64; the others' are float32
  bool variadic = false;  // any number of inputs, of any type, and of outputs: `inputs` and `outputs` stand for all
};

// What is handed to ONNX Runtime; must live as long as sessions that use it.
struct KernelOp : OrtCustomOp {
  KernelOp(const Library& library, const KernelSpec& spec, unsigned threads, ScratchPool& scratch);
  const Library& library;
  const KernelSpec& spec;
  unsigned threads;
  ScratchPool& scratch;
};

}  // namespace flatmin
