// All processes that a launcher has started together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace flatmin::mpi {

enum class Element { float32, float64 };

// MPI's library in this process. Calls from any thread; those that talk to other ranks wait for them, and are made by all ranks in one order,
// one at a time.
class Group {
 public:
  // Opens the library once per process; "" is the one that is loaded already. Does not start it. Throws std::runtime_error naming the path
  // where it cannot be loaded, is no MPI library, or another one is open; on Windows always.
  static std::shared_ptr<Group> open(const std::string& path);
  virtual ~Group() = default;

  virtual const char* abi() const = 0;  // "standard", "mpich" or "openmpi"
  virtual std::string version() const = 0;    // what the library says of itself

  // Starts MPI, unless it has been; the launcher's other processes must do so too. Throws where its threads may not call it.
  virtual void join() = 0;
  virtual bool joined() const = 0;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_rank() const = 0;  // among the ranks that share this machine's memory

  virtual void sum(void* data, int64_t count, Element element) = 0;  // in place, on every rank
  virtual void broadcast(void* data, int64_t bytes, int root) = 0;
  virtual void barrier() = 0;

  virtual void leave() = 0;           // ends MPI for good; waits for the others to do so
  virtual void abort(int code) = 0;   // ends all processes of the job, this one too
};

}  // namespace flatmin::mpi
