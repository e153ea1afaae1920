// A block of memory with shared ownership: buffers, views, bindings and running work all hold it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace flatmin {

// Zero-filled. Subclasses allocate and free.
class Storage {
 public:
  enum class Place { cpu, pinned, cuda };

  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Place place() const { return place_; }
  int ordinal() const { return ordinal_; }  // of the GPU that it belongs to
  bool on_host() const { return place_ != Place::cuda; }
  std::string device() const;  // as JavaScript names it
  std::byte* address() const { return address_; }
  size_t bytes() const { return bytes_; }

  // Copies between the storage and host memory; done when they return. The range is inside the storage.
  virtual void write(size_t offset, const void* source, size_t bytes);
  virtual void read(size_t offset, void* target, size_t bytes) const;

 protected:
  Storage(Place place, int ordinal, size_t bytes) : place_(place), ordinal_(ordinal), bytes_(bytes) {}
  std::byte* address_ = nullptr;

 private:
  Place place_;
  int ordinal_;
  size_t bytes_;
};

class CpuStorage : public Storage {
 public:
  static constexpr size_t kAlignment = 64;  // bytes: a cache line, and the widest vector register

  explicit CpuStorage(size_t bytes);  // throws std::bad_alloc
  ~CpuStorage() override;

  static size_t held();  // bytes of all of them in the process
};

// A window into a storage. Copying it shares the storage.
struct View {
  std::shared_ptr<Storage> storage;
  size_t offset = 0;
  size_t bytes = 0;

  std::byte* data() const { return storage->address() + offset; }  // for the CPU only where storage->on_host()
};

}  // namespace flatmin
