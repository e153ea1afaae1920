#include "program.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "../base/parallel.h"
#include "block.h"

namespace flatmin {
namespace {

/// Elements a block: the locations a plan uses then stay in the first-level cache.
constexpr uint64_t block_elements = 1024;
constexpr uint64_t task_elements = 64 * block_elements;

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

bool stores(const VectorCode& code) {
  return std::ranges::any_of(code.instructions, [](const VectorInstruction& instruction) {
    return instruction.op == static_cast<uint32_t>(VectorOp::Store);
  });
}

/// One block: elements [first, first + count), none across a multiple of block_elements.
struct Block {
  uint64_t first;
  uint32_t count, scalar_row;
};

std::vector<Block> blocks_of(std::span<const VectorRange> ranges) {
  std::vector<Block> blocks;
  for (const VectorRange& range : ranges) {
    const uint64_t end = range.first + range.count;
    for (uint64_t first = range.first; first < end;) {
      const uint64_t count = std::min(end - first, block_elements - first % block_elements);
      blocks.push_back({first, static_cast<uint32_t>(count), range.scalar_row});
      first += count;
    }
  }
  return blocks;
}

/// Task t is the blocks [result[t], result[t + 1]).
std::vector<size_t> tasks_of(const std::vector<Block>& blocks) {
  std::vector<size_t> starts{0};
  uint64_t elements = 0;
  for (size_t at = 0; at < blocks.size(); ++at) {
    elements += blocks[at].count;
    if (elements < task_elements && at + 1 < blocks.size()) continue;
    starts.push_back(at + 1);
    elements = 0;
  }
  return starts;
}

void check_run(const VectorCode& code, std::span<float* const> slots, std::span<const VectorRange> ranges,
               std::span<const float> scalar_table) {
  if (slots.size() < code.slots)
    refuse("vector program: expected " + std::to_string(code.slots) + " vectors, received " +
           std::to_string(slots.size()));
  for (size_t at = 0; at < ranges.size(); ++at) {
    const VectorRange& range = ranges[at];
    const std::string name = "vector program: range " + std::to_string(at);
    if (range.first + range.count < range.first) refuse(name + " ends beyond 2^64");
    const uint64_t needed = (uint64_t{range.scalar_row} + 1) * code.scalars;
    if (needed > scalar_table.size())
      refuse(name + " uses scalar row " + std::to_string(range.scalar_row) + ", which needs " +
             std::to_string(needed) + " scalars, received " + std::to_string(scalar_table.size()));
  }
}

/// Stores are only well-defined, whatever the order of blocks, where no element is visited twice.
void check_overlap(const VectorCode& code, std::span<float* const> slots,
                   std::span<const VectorRange> ranges) {
  std::vector<VectorRange> ordered;
  std::ranges::copy_if(ranges, std::back_inserter(ordered),
                       [](const VectorRange& range) { return range.count > 0; });
  if (ordered.empty()) return;
  std::ranges::sort(ordered, {}, &VectorRange::first);
  for (size_t at = 1; at < ordered.size(); ++at)
    if (ordered[at].first < ordered[at - 1].first + ordered[at - 1].count)
      refuse("vector program: ranges overlap at element " + std::to_string(ordered[at].first) +
             " and the program stores");

  const uint64_t begin = ordered.front().first, end = ordered.back().first + ordered.back().count;
  const auto address = [&](uint32_t slot) { return reinterpret_cast<uintptr_t>(slots[slot]); };
  for (const VectorInstruction& instruction : code.instructions) {
    if (instruction.op != static_cast<uint32_t>(VectorOp::Store)) continue;
    for (uint32_t other = 0; other < code.slots; ++other) {
      const uint32_t slot = instruction.dst;
      const uintptr_t low = std::min(address(slot), address(other)), high = std::max(address(slot), address(other));
      if (slot != other && (high - low) / sizeof(float) < end - begin)
        refuse("vector program: slots " + std::to_string(slot) + " and " + std::to_string(other) +
               " overlap in memory and the program stores to slot " + std::to_string(slot));
    }
  }
}

/// Scratch blocks of one thread, kept for its next run.
float* scratch(size_t elements) {
  constexpr size_t line = 64 / sizeof(float);
  thread_local std::vector<float> memory;
  if (memory.size() < elements + line) memory.resize(elements + line);
  const auto past = reinterpret_cast<uintptr_t>(memory.data()) % 64 / sizeof(float);
  return memory.data() + (line - past) % line;
}

}  // namespace

VectorProgram::VectorProgram(VectorCode code) : code_((validate(code), std::move(code))), plan_(plan(code_)) {}

std::vector<double> VectorProgram::run(std::span<float* const> slots, std::span<const VectorRange> ranges,
                                       std::span<const float> scalar_table, unsigned threads) const {
  check_run(code_, slots, ranges, scalar_table);
  if (stores(code_)) check_overlap(code_, slots, ranges);

  const std::vector<Block> blocks = blocks_of(ranges);
  const std::vector<size_t> tasks = tasks_of(blocks);
  const size_t width = code_.accumulators;
  std::vector<double> partials(blocks.size() * width, 0.0);

  parallel_for(tasks.size() - 1, threads, [&](size_t task) {
    std::vector<float*> locations(code_.slots + std::max<size_t>(plan_.scratch_blocks, 1));
    float* const spare = scratch(plan_.scratch_blocks * block_elements);
    for (size_t k = 0; k < plan_.scratch_blocks; ++k) locations[code_.slots + k] = spare + k * block_elements;
    for (size_t at = tasks[task]; at < tasks[task + 1]; ++at) {
      const Block& block = blocks[at];
      for (size_t slot = 0; slot < code_.slots; ++slot) locations[slot] = slots[slot] + block.first;
      const float* scalars = scalar_table.data() + size_t{block.scalar_row} * code_.scalars;
      run_block(plan_.steps, locations.data(), scalars, block.count, partials.data() + at * width);
    }
  });

  std::vector<double> totals(width, 0.0);
  for (size_t k = 0; k < width; ++k)
    for (size_t at = 0; at < blocks.size(); ++at) totals[k] += partials[at * width + k];
  return totals;
}

}  // namespace flatmin
