// A block of device memory with shared ownership: buffers, views, bindings and running work all hold it.
#pragma once

#include <cstddef>
#include <memory>

namespace flatmin {

struct Storage {
  static constexpr size_t kAlignment = 64;  // bytes: a cache line, and the widest vector register

  explicit Storage(size_t bytes);  // zero-filled; throws std::bad_alloc
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data;
  size_t bytes;
};

// A window into a storage. Copying it shares the storage.
struct View {
  std::shared_ptr<Storage> storage;
  size_t offset = 0;
  size_t bytes = 0;

  std::byte* data() const { return storage->data + offset; }
};

}  // namespace flatmin
