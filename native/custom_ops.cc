#include "custom_ops.h"

#include "library.h"

namespace flatmin {

OrtCustomOpDomain* make_kernel_domain(const Library& library) {
  OrtCustomOpDomain* domain = nullptr;
  library.check(library.api().CreateCustomOpDomain("flatmin", &domain));
  return domain;
}

}  // namespace flatmin
