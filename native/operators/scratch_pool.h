// Scratch memory of kernels, kept between runs: nodes of a session run one after the other, so one block serves them all, where
// ONNX Runtime's own arena would keep one for every size.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "../base/storage.h"

namespace flatmin {

class ScratchPool {
 public:
  // A block of at least `bytes`; runs of one session at the same time get blocks of their own.
  std::unique_ptr<CpuStorage> take(size_t bytes) {
    std::unique_ptr<CpuStorage> block;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!free_.empty()) {
        block = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (block && block->bytes() >= bytes) return block;
    block.reset();  // freed before its larger successor is made
    return std::make_unique<CpuStorage>(bytes);
  }

  void give_back(std::unique_ptr<CpuStorage> block) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(block));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<CpuStorage>> free_;
};

}  // namespace flatmin
