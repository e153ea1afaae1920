#include "activated_norm.h"

#include <algorithm>
#include <atomic>
#include <initializer_list>

#include "../base/vectorize.h"
#include "channel.h"

namespace flatmin::kernels {
namespace {

// What a part may hold: the tensors of a backward run stay in a second-level cache of 1 MiB.
constexpr int64_t kMostElements = int64_t{1} << 15;

int64_t channels_of_part(const BatchNormShape& shape) {
  const int64_t of_channel = shape.batch * shape.positions;
  int64_t channels = std::clamp<int64_t>(kMostElements / std::max<int64_t>(of_channel, 1), 1, std::max<int64_t>(shape.channels, 1));
  while (shape.channels % channels != 0) channels--;
  return channels;
}

constexpr size_t kAlignment = 64;
constexpr size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
constexpr size_t floats(int64_t count) { return aligned(static_cast<size_t>(count) * sizeof(float)); }

// Within a part, which one thread computes.
constexpr Parallel kAlone = {nullptr, 1, nullptr};

region::Description description(ActivationProgram::Kind kind, const BatchNormShape& shape, int64_t channels, std::vector<int64_t> code,
                                std::vector<float> constants) {
  const std::vector<int64_t> element = {shape.channels * shape.positions, shape.positions, 1}, channel = {0, 1, 0};
  const auto joined = [](const std::vector<std::vector<int64_t>>& tensors) {
    std::vector<int64_t> all;
    for (const auto& tensor : tensors) all.insert(all.end(), tensor.begin(), tensor.end());
    return all;
  };
  const bool forward = kind == ActivationProgram::Kind::forward;
  return {.axes = {shape.batch, channels, shape.positions},
          .columns = 1,
          .input_strides = forward ? joined({element, channel, channel}) : joined({element, element, channel, channel}),
          .output_strides = element,
          .output_dims = {0},
          .code = std::move(code),
          .constants = std::move(constants),
          .gaps = true};
}

}  // namespace

ActivationProgram::ActivationProgram(Kind kind, const BatchNormShape& shape, std::vector<int64_t> code, std::vector<float> constants)
    : shape_(shape),
      channels_(channels_of_part(shape)),
      region_(std::make_unique<region::Region>(description(kind, shape, channels_, std::move(code), std::move(constants)))),
      plan_(region_->plan(std::vector<uint8_t>(region_->program().inputs.size(), 0))) {}

// Scratch: a and b of all channels, y = a·x + b; for each task the region's own.
struct ActivatedNorm {
  const ActivationProgram& program;
  std::byte* scratch;
  const Parallel& parallel;

  const BatchNormShape& shape() const { return program.shape_; }
  int64_t channels() const { return program.channels_; }
  Channel channel() const { return {shape().batch, shape().positions, shape().channels * shape().positions}; }
  double count() const { return static_cast<double>(shape().batch * shape().positions); }
  float* slopes() const { return reinterpret_cast<float*>(scratch); }
  float* intercepts() const { return reinterpret_cast<float*>(scratch + floats(shape().channels)); }

  static size_t task_bytes(const ActivationProgram& program) { return aligned(region::scratch_bytes(*program.plan_, 1)); }
  static int64_t tasks(const ActivationProgram& program, unsigned threads) {
    return std::min<int64_t>(std::max(threads, 1u), program.shape_.channels / program.channels_);
  }
  static size_t bytes(const ActivationProgram& program, unsigned threads) {
    return 2 * floats(program.shape_.channels) + task_bytes(program) * static_cast<size_t>(tasks(program, threads));
  }

  // Of a channel with these statistics.
  void set_affine(int64_t c, float scale, float bias, float mean, float r) const {
    slopes()[c] = scale * r;
    intercepts()[c] = bias - mean * slopes()[c];
  }

  // The program of a part, whose first channel this is: `given` are x, or dz and x.
  void run_program(int64_t first, std::initializer_list<const float*> given, float* result, std::byte* memory) const {
    const int64_t at = first * shape().positions;
    std::vector<region::Input> inputs;
    for (const float* data : given) inputs.push_back({data + at, false});
    inputs.push_back({slopes() + first, false});
    inputs.push_back({intercepts() + first, false});
    region::run(*program.plan_, inputs, {result + at}, memory, kAlone);
  }

  // Calls body(first channel, memory of the task) for each part.
  template <class Body>
  void for_each_part(const Body& body) const {
    std::atomic<int64_t> next{0};
    for_each_channel(parallel, tasks(program, parallel.threads), [&](int64_t task) {
      std::byte* memory = scratch + 2 * floats(shape().channels) + task_bytes(program) * static_cast<size_t>(task);
      for (;;) {
        const int64_t first = next.fetch_add(1, std::memory_order_relaxed) * channels();
        if (first >= shape().channels) return;
        body(first, memory);
      }
    });
  }
};

size_t ActivationProgram::scratch_bytes(unsigned threads) const { return ActivatedNorm::bytes(*this, threads); }

void activated_norm_forward(const ActivationProgram& program, const float* x, const float* scale, const float* bias,
                            float epsilon, float* z, float* mean, float* r, float* variance, void* scratch, const Parallel& parallel) {
  const ActivatedNorm norm = {program, static_cast<std::byte*>(scratch), parallel};
  norm.for_each_part([&](int64_t first, std::byte* memory) {
    for (int64_t c = first; c < first + norm.channels(); c++) {
      const float* xs = x + c * norm.shape().positions;
      mean[c] = static_cast<float>(sum_of(norm.channel(), xs) / norm.count());
      variance[c] = static_cast<float>(sum_of_squares(norm.channel(), xs, mean[c]) / norm.count());
      r[c] = inverse_deviation(variance[c], epsilon);
      norm.set_affine(c, scale[c], bias[c], mean[c], r[c]);
    }
    norm.run_program(first, {x}, z, memory);
  });
}

void activated_norm_backward(const ActivationProgram& program, const float* dz, const float* x, const float* scale,
                             const float* bias, const float* mean, const float* r, const float* addend, float* dx, float* dscale,
                             float* dbias, void* scratch, const Parallel& parallel) {
  const ActivatedNorm norm = {program, static_cast<std::byte*>(scratch), parallel};
  const float* slopes = norm.slopes();
  norm.for_each_part([&](int64_t first, std::byte* memory) {
    for (int64_t c = first; c < first + norm.channels(); c++) norm.set_affine(c, scale[c], bias[c], mean[c], r[c]);
    norm.run_program(first, {dz, x}, dx, memory);
    for (int64_t c = first; c < first + norm.channels(); c++) {
      const int64_t at = c * norm.shape().positions;
      const GradientSums sums = gradient_sums(norm.channel(), dx + at, x + at, slopes[c], 0, mean[c], false);
      dbias[c] = static_cast<float>(sums.g);
      dscale[c] = static_cast<float>(sums.g_centred * r[c]);
      const float shift = static_cast<float>(slopes[c] * sums.g / norm.count());
      const float slope = static_cast<float>(slopes[c] * r[c] * r[c] * sums.g_centred / norm.count());
      input_gradient(norm.channel(), dx + at, x + at, slopes[c], 0, shift, slope, mean[c], false, addend ? addend + at : nullptr, dx + at);
    }
  });
}

void activated_running_norm_forward(const ActivationProgram& program, const float* x, const float* scale, const float* bias,
                                    const float* mean, const float* variance, float epsilon, float* z, void* scratch,
                                    const Parallel& parallel) {
  const ActivatedNorm norm = {program, static_cast<std::byte*>(scratch), parallel};
  norm.for_each_part([&](int64_t first, std::byte* memory) {
    for (int64_t c = first; c < first + norm.channels(); c++)
      norm.set_affine(c, scale[c], bias[c], mean[c], inverse_deviation(variance[c], epsilon));
    norm.run_program(first, {x}, z, memory);
  });
}

void activated_running_norm_backward(const ActivationProgram& program, const float* dz, const float* x, const float* scale,
                                     const float* bias, const float* mean, const float* variance, float epsilon, const float* addend,
                                     float* dx, float* dscale, float* dbias, void* scratch, const Parallel& parallel) {
  const ActivatedNorm norm = {program, static_cast<std::byte*>(scratch), parallel};
  const float* slopes = norm.slopes();
  norm.for_each_part([&](int64_t first, std::byte* memory) {
    for (int64_t c = first; c < first + norm.channels(); c++)
      norm.set_affine(c, scale[c], bias[c], mean[c], inverse_deviation(variance[c], epsilon));
    norm.run_program(first, {dz, x}, dx, memory);
    for (int64_t c = first; c < first + norm.channels(); c++) {
      const int64_t at = c * norm.shape().positions;
      const GradientSums sums = gradient_sums(norm.channel(), dx + at, x + at, slopes[c], 0, mean[c], false);
      if (dscale) dscale[c] = static_cast<float>(sums.g_centred * inverse_deviation(variance[c], epsilon));
      if (dbias) dbias[c] = static_cast<float>(sums.g);
      input_gradient(norm.channel(), dx + at, x + at, slopes[c], 0, 0, 0, mean[c], false, addend ? addend + at : nullptr, dx + at);
    }
  });
}

}  // namespace flatmin::kernels
