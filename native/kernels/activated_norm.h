// Batch normalisation with any activation behind it: a program of a region for the elements of a few channels at a time, which stay in the
// caches between the statistics and the activation. Results do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "batch_norm.h"
#include "region/region.h"

namespace flatmin::kernels {

/// An activation's program for tensors N×C×P of one shape.
class ActivationProgram {
 public:
  /// forward: inputs x, a, b, with y = a·x + b; output act(y).
  /// backward: inputs dz, x, a, b; output g = dz·act'(y).
  enum class Kind { forward, backward };

  /// `code` and `constants` as in region::Description; throws std::invalid_argument.
  ActivationProgram(Kind kind, const BatchNormShape& shape, std::vector<int64_t> code, std::vector<float> constants);

  const BatchNormShape& shape() const { return shape_; }
  /// Bytes that a run needs, at 64-byte alignment.
  size_t scratch_bytes(unsigned threads) const;

 private:
  friend struct ActivatedNorm;
  BatchNormShape shape_;
  int64_t channels_;  // of a part, which divide all channels
  std::unique_ptr<region::Region> region_;
  std::shared_ptr<const region::Plan> plan_;
};

/// z = act(scale·(x − mean)·r + bias): batch_norm_forward with the program's activation.
void activated_norm_forward(const ActivationProgram& program, const float* x, const float* scale, const float* bias,
                            float epsilon, float* z, float* mean, float* r, float* variance, void* scratch, const Parallel& parallel);

/// Gradients of activated_norm_forward: those of batch_norm_backward with the program's g. `addend` may be null.
void activated_norm_backward(const ActivationProgram& program, const float* dz, const float* x, const float* scale,
                             const float* bias, const float* mean, const float* r, const float* addend, float* dx, float* dscale,
                             float* dbias, void* scratch, const Parallel& parallel);

/// z = act(scale·(x − mean)·r + bias) with given statistics, as running_norm_forward.
void activated_running_norm_forward(const ActivationProgram& program, const float* x, const float* scale, const float* bias,
                                    const float* mean, const float* variance, float epsilon, float* z, void* scratch,
                                    const Parallel& parallel);

/// Gradients of activated_running_norm_forward: those of running_norm_backward with the program's g. `addend`, `dscale` and `dbias` may be null.
void activated_running_norm_backward(const ActivationProgram& program, const float* dz, const float* x, const float* scale,
                                     const float* bias, const float* mean, const float* variance, float epsilon, const float* addend,
                                     float* dx, float* dscale, float* dbias, void* scratch, const Parallel& parallel);

}  // namespace flatmin::kernels
