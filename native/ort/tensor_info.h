// Names, types and shapes of tensors, as ONNX Runtime describes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "library.h"

namespace flatmin {

struct TensorInfo {
  std::string name;
  int type = 0;                      // ONNX element type; 0 when the value is not a tensor
  bool ranked = false;               // false: not even the rank is known
  std::vector<int64_t> dims;         // -1 where symbolic
  std::vector<std::string> symbols;  // names of symbolic dimensions, "" elsewhere
};

void read_tensor_info(const Library& library, const OrtTensorTypeAndShapeInfo* info, TensorInfo& out);  // all but the name

size_t element_bytes(int type);  // 0 for types without a fixed size

}  // namespace flatmin
