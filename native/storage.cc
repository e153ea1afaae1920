#include "storage.h"

#include <cstring>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace flatmin {
namespace {
constexpr size_t kHugePage = size_t{1} << 21;
}

Storage::Storage(size_t size) : data(nullptr), bytes(size) {
  if (size == 0) size = 1;
#ifdef __linux__
  if (size >= kHugePage) {
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    madvise(mapped, size, MADV_HUGEPAGE);
    data = static_cast<std::byte*>(mapped);
    return;
  }
#endif
  data = static_cast<std::byte*>(::operator new(size, std::align_val_t{kAlignment}));
  std::memset(data, 0, size);
}

Storage::~Storage() {
#ifdef __linux__
  if (bytes >= kHugePage) {
    munmap(data, bytes);
    return;
  }
#endif
  ::operator delete(data, std::align_val_t{kAlignment});
}

}  // namespace flatmin
