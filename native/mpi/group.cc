#include "group.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <type_traits>

#include "../base/shared_library.h"
#include "facts.h"

namespace flatmin::mpi {
namespace {

// Handle: void* or int.
template <typename Handle>
class Calls final : public Group {
 public:
  Calls(SharedLibrary library, const Facts& facts) : library_(std::move(library)), facts_(facts) {}

  const char* abi() const override { return facts_.name; }

  std::string version() const override {
    std::string text(kVersionString, '\0');
    int length = 0;
    check(call<int(char*, int*)>("MPI_Get_library_version")(text.data(), &length));
    return text.substr(0, static_cast<size_t>(length));
  }

  void join() override {
    if (joined_) return;
    if (left_) throw std::runtime_error("MPI has been left, and cannot be started twice in a process");
    int started = 0, threads = 0;
    check(call<int(int*)>("MPI_Initialized")(&started));
    if (started) {
      check(call<int(int*)>("MPI_Query_thread")(&threads));
    } else {
      check(call<int(int*, char***, int, int*)>("MPI_Init_thread")(nullptr, nullptr, facts_.thread_multiple, &threads));
      is_own_ = true;
    }
    if (threads != facts_.thread_multiple) throw std::runtime_error(library_.path() + " lets only some threads call it (no MPI_THREAD_MULTIPLE)");
    world_ = constant(facts_.world);
    // Instead of ending the process.
    check(call<int(Handle, Handle)>("MPI_Comm_set_errhandler")(world_, constant(facts_.errors_return)));
    auto rank_of = call<int(Handle, int*)>("MPI_Comm_rank");
    check(rank_of(world_, &rank_));
    check(call<int(Handle, int*)>("MPI_Comm_size")(world_, &size_));
    Handle local{};
    check(call<int(Handle, int, int, Handle, Handle*)>("MPI_Comm_split_type")(world_, facts_.type_shared, 0, constant(facts_.no_info), &local));
    check(rank_of(local, &local_rank_));
    all_reduce_ = call<AllReduce>("MPI_Allreduce");
    broadcast_ = call<Broadcast>("MPI_Bcast");
    barrier_ = call<int(Handle)>("MPI_Barrier");
    joined_ = true;
  }

  bool joined() const override { return joined_; }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return local_rank_; }

  void sum(void* data, int64_t count, Element element) override {
    bool is_float = element == Element::float32;
    auto type = constant(is_float ? facts_.float32 : facts_.float64), op = constant(facts_.sum);
    auto in_place = reinterpret_cast<void*>(facts_.in_place);
    in_chunks(data, count, is_float ? sizeof(float) : sizeof(double),
              [&](void* chunk, int elements) { check(all_reduce_(in_place, chunk, elements, type, op, world_)); });
  }

  void broadcast(void* data, int64_t bytes, int root) override {
    auto type = constant(facts_.byte);
    in_chunks(data, bytes, 1, [&](void* chunk, int elements) { check(broadcast_(chunk, elements, type, root, world_)); });
  }

  void barrier() override { check(barrier_(world_)); }

  void leave() override {
    if (!joined_) return;
    joined_ = false;
    left_ = true;
    if (is_own_) check(call<int()>("MPI_Finalize")());
  }

  void abort(int code) override { check(call<int(Handle, int)>("MPI_Abort")(world_, code)); }

 private:
  using AllReduce = int(const void*, void*, int, Handle, Handle, Handle);
  using Broadcast = int(void*, int, Handle, int, Handle);

  template <typename Function>
  Function* call(const char* name) const {
    return reinterpret_cast<Function*>(library_.require(name));
  }

  Handle constant(const Constant& constant) const {
    uintptr_t bits = constant.symbol ? reinterpret_cast<uintptr_t>(library_.require(constant.symbol)) : constant.number;
    if constexpr (std::is_pointer_v<Handle>) return reinterpret_cast<Handle>(bits);
    else return static_cast<Handle>(bits);
  }

  template <typename Each>
  static void in_chunks(void* data, int64_t count, size_t element_bytes, Each&& each) {
    auto* bytes = static_cast<std::byte*>(data);
    for (int64_t first = 0; first < count; first += kMostElements) {
      each(bytes + static_cast<size_t>(first) * element_bytes, static_cast<int>(std::min(kMostElements, count - first)));
    }
  }

  void check(int code) const {
    if (code == 0) return;  // MPI_SUCCESS
    std::string text(kErrorString, '\0');
    int length = 0;
    call<int(int, char*, int*)>("MPI_Error_string")(code, text.data(), &length);
    throw std::runtime_error("MPI: " + text.substr(0, static_cast<size_t>(length)));
  }

  SharedLibrary library_;
  const Facts& facts_;
  Handle world_{};
  bool joined_ = false, left_ = false, is_own_ = false;
  int rank_ = 0, size_ = 1, local_rank_ = 0;
  AllReduce* all_reduce_ = nullptr;
  Broadcast* broadcast_ = nullptr;
  int (*barrier_)(Handle) = nullptr;
};

bool is_standard(const SharedLibrary& library) {
  auto version = reinterpret_cast<int (*)(int*, int*)>(library.find("MPI_Abi_get_version"));
  int major = 0, minor = 0;
  return version && version(&major, &minor) == 0 && major > 0;
}

[[maybe_unused]] std::shared_ptr<Group> made(SharedLibrary library) {
  if (!library.find("MPI_Init_thread")) {
    throw std::runtime_error(library.path().empty() ? "no MPI library is loaded" : library.path() + " is no MPI library: it exports no MPI_Init_thread");
  }
  if (is_standard(library)) return std::make_shared<Calls<void*>>(std::move(library), kStandard);
  if (library.find(kOpenMpi.world.symbol)) return std::make_shared<Calls<void*>>(std::move(library), kOpenMpi);
  return std::make_shared<Calls<int>>(std::move(library), kMpich);
}

}  // namespace

std::shared_ptr<Group> Group::open(const std::string& path) {
#ifdef _WIN32
  throw std::runtime_error("MPI is not used on Windows: " + path);
#else
  static std::mutex mutex;
  static auto* opened = new std::pair<std::string, std::shared_ptr<Group>>;  // leaked: threads may be in it when the process ends
  std::lock_guard<std::mutex> lock(mutex);
  auto& [known, group] = *opened;
  if (group) {
    if (known != path) throw std::runtime_error("another MPI library is open: " + known);
    return group;
  }
  // Open MPI's components look for its symbols among the global ones.
  group = made(path.empty() ? SharedLibrary::loaded() : SharedLibrary(path, SharedLibrary::Scope::global));
  known = path;
  return group;
#endif
}

}  // namespace flatmin::mpi
