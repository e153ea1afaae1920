#include "tensor_info.h"

namespace flatmin {

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

size_t element_bytes(int type) {
  switch (type) {
    case 2: case 3: case 9: return 1;
    case 4: case 5: case 10: case 16: return 2;
    case 1: case 6: case 12: return 4;
    case 7: case 11: case 13: return 8;
    default: return 0;
  }
}

}  // namespace flatmin
