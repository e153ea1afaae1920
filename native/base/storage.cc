#include "storage.h"

#include <atomic>
#include <cstring>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace flatmin {
namespace {
[[maybe_unused]] constexpr size_t kHugePage = size_t{1} << 21;
std::atomic<size_t> held_bytes{0};
}

std::string Storage::device() const {
  switch (place_) {
    case Place::cpu: return "cpu";
    case Place::pinned: return "pinned";
    case Place::cuda: break;
  }
  return "cuda:" + std::to_string(ordinal_);
}

void Storage::write(size_t offset, const void* source, size_t bytes) { std::memcpy(address_ + offset, source, bytes); }
void Storage::read(size_t offset, void* target, size_t bytes) const { std::memcpy(target, address_ + offset, bytes); }

CpuStorage::CpuStorage(size_t size) : Storage(Place::cpu, 0, size) {
  if (size == 0) size = 1;
#ifdef __linux__
  if (size >= kHugePage) {
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    madvise(mapped, size, MADV_HUGEPAGE);
    address_ = static_cast<std::byte*>(mapped);
    held_bytes += bytes();
    return;
  }
#endif
  address_ = static_cast<std::byte*>(::operator new(size, std::align_val_t{kAlignment}));
  std::memset(address_, 0, size);
  held_bytes += bytes();
}

size_t CpuStorage::held() { return held_bytes; }

CpuStorage::~CpuStorage() {
  held_bytes -= bytes();
#ifdef __linux__
  if (bytes() >= kHugePage) {
    munmap(address_, bytes());
    return;
  }
#endif
  ::operator delete(address_, std::align_val_t{kAlignment});
}

}  // namespace flatmin
