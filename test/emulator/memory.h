// Memory of emulated GPUs: no thread can touch it but the one that runs queued work, and only while it does.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <map>
#include <mutex>

namespace emulator {

struct Allocation {
  size_t bytes;
  char* pages;
  size_t page_bytes;
  int device;
  bool pinned;
};

class Memory {
 public:
  // Held while queued work runs.
  class Open {
   public:
    explicit Open(Memory& memory) : memory_(memory), lock_(memory.mutex_) { memory_.protect(PROT_READ | PROT_WRITE); }
    ~Open() { memory_.protect(PROT_NONE); }

   private:
    Memory& memory_;
    std::lock_guard<std::recursive_mutex> lock_;
  };

  // 256-byte aligned; what lies behind the last 256 bytes faults, and what is less than kGuard away. 0 where the limit would be passed.
  uintptr_t allocate(size_t bytes, int device, bool pinned, size_t limit) {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    if (!pinned && (bytes > limit || used(device) > limit - bytes)) return 0;
    constexpr size_t page = 4096;
    size_t aligned = (bytes + 255) / 256 * 256, usable = (bytes + page - 1) / page * page;
    void* mapped = mmap(nullptr, usable + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return 0;
    char* pages = static_cast<char*>(mapped) + kGuard;
    if (pinned) mprotect(pages, usable, PROT_READ | PROT_WRITE);
    uintptr_t address = reinterpret_cast<uintptr_t>(pages) + usable - aligned;
    allocations_[address] = {bytes, pages, usable, device, pinned};
    return address;
  }

  bool free(uintptr_t address, bool pinned) {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    auto found = allocations_.find(address);
    if (found == allocations_.end() || found->second.pinned != pinned) return false;
    munmap(found->second.pages - kGuard, found->second.page_bytes + 2 * kGuard);
    allocations_.erase(found);
    return true;
  }

  // What holds the whole range, or nullptr.
  const Allocation* find(uintptr_t address, size_t bytes) {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    auto next = allocations_.upper_bound(address);
    if (next == allocations_.begin()) return nullptr;
    const auto& [start, allocation] = *--next;
    return address - start <= allocation.bytes && bytes <= allocation.bytes - (address - start) ? &allocation : nullptr;
  }

  bool on_device(uintptr_t address, size_t bytes, int device) {
    const Allocation* allocation = find(address, bytes);
    return allocation && !allocation->pinned && allocation->device == device;
  }

  size_t used(int device) {
    std::lock_guard<std::recursive_mutex> lock(mutex_);
    size_t sum = 0;
    for (const auto& [address, allocation] : allocations_) sum += allocation.device == device && !allocation.pinned ? allocation.bytes : 0;
    return sum;
  }

 private:
  static constexpr size_t kGuard = 64 << 20;

  void protect(int protection) {
    for (const auto& [address, allocation] : allocations_) {
      if (!allocation.pinned) mprotect(allocation.pages, allocation.page_bytes, protection);
    }
  }

  std::recursive_mutex mutex_;
  std::map<uintptr_t, Allocation> allocations_;
};

}  // namespace emulator
