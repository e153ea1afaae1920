// Fused regions of a graph: a program over rows and columns, run tile by tile so that what it computes stays in the caches.
#pragma once

#include <memory>
#include <mutex>

#include "../conv/conv.h"
#include "program.h"

namespace flatmin::kernels::region {

struct Plan;

struct Input {
  const void* data;  // float, or bytes that are 0 or 1
  bool is_bool;
};

// Data of a tensor needs to hold the `extent` of the program's. May run on several threads at once.
class Region {
 public:
  explicit Region(const Description& description);  // throws std::invalid_argument
  ~Region();

  const Program& program() const { return program_; }
  // For inputs of these types: 1 for bool.
  std::shared_ptr<const Plan> plan(const std::vector<uint8_t>& bools) const;

 private:
  Program program_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Plan> plan_;  // the last one: types change with the graph alone
};

// `scratch` holds scratch_bytes, at 64-byte alignment.
size_t scratch_bytes(const Plan& plan, unsigned threads);
void run(const Plan& plan, const std::vector<Input>& inputs, const std::vector<float*>& outputs, void* scratch, const Parallel& parallel);

}  // namespace flatmin::kernels::region
