#include "vector_program.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

#include "parallel.h"
#include "vector_block.h"
#include "vector_plan.h"

namespace flatmin {
namespace {

/// Elements a block: the locations a plan uses then stay in the first-level cache.
constexpr uint64_t block_elements = 1024;
constexpr uint64_t task_elements = 64 * block_elements;
constexpr uint32_t largest_table = 1024;

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

enum class Operand { unread, reg, written_register, slot, scalar, sum, maximum };

struct Signature {
  const char* name;
  Operand dst, a, b;
};

Signature signature_of(VectorOp op) {
  using enum Operand;
  switch (op) {
    case VectorOp::Load: return {"Load", reg, slot, unread};
    case VectorOp::Store: return {"Store", slot, written_register, unread};
    case VectorOp::Add: return {"Add", reg, written_register, written_register};
    case VectorOp::Sub: return {"Sub", reg, written_register, written_register};
    case VectorOp::Mul: return {"Mul", reg, written_register, written_register};
    case VectorOp::Div: return {"Div", reg, written_register, written_register};
    case VectorOp::Min: return {"Min", reg, written_register, written_register};
    case VectorOp::Max: return {"Max", reg, written_register, written_register};
    case VectorOp::AddScalar: return {"AddScalar", reg, written_register, scalar};
    case VectorOp::SubScalar: return {"SubScalar", reg, written_register, scalar};
    case VectorOp::ScalarSub: return {"ScalarSub", reg, written_register, scalar};
    case VectorOp::MulScalar: return {"MulScalar", reg, written_register, scalar};
    case VectorOp::DivScalar: return {"DivScalar", reg, written_register, scalar};
    case VectorOp::ScalarDiv: return {"ScalarDiv", reg, written_register, scalar};
    case VectorOp::MinScalar: return {"MinScalar", reg, written_register, scalar};
    case VectorOp::MaxScalar: return {"MaxScalar", reg, written_register, scalar};
    case VectorOp::Neg: return {"Neg", reg, written_register, unread};
    case VectorOp::Abs: return {"Abs", reg, written_register, unread};
    case VectorOp::Sqrt: return {"Sqrt", reg, written_register, unread};
    case VectorOp::Square: return {"Square", reg, written_register, unread};
    case VectorOp::Sign: return {"Sign", reg, written_register, unread};
    case VectorOp::FillScalar: return {"FillScalar", reg, scalar, unread};
    case VectorOp::Sum: return {"Sum", sum, written_register, unread};
    case VectorOp::SumSquares: return {"SumSquares", sum, written_register, unread};
    case VectorOp::MaxAbs: break;
  }
  return {"MaxAbs", maximum, written_register, unread};
}

bool stores(const VectorProgram& program) {
  return std::ranges::any_of(program.code, [](const VectorInstruction& instruction) {
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

void check_run(const VectorProgram& program, std::span<float* const> slots, std::span<const VectorRange> ranges,
               std::span<const float> scalar_table) {
  if (slots.size() < program.slots)
    refuse("vector program: expected " + std::to_string(program.slots) + " vectors, received " +
           std::to_string(slots.size()));
  for (size_t at = 0; at < ranges.size(); ++at) {
    const VectorRange& range = ranges[at];
    const std::string name = "vector program: range " + std::to_string(at);
    if (range.first + range.count < range.first) refuse(name + " ends beyond 2^64");
    const uint64_t needed = (uint64_t{range.scalar_row} + 1) * program.scalars;
    if (needed > scalar_table.size())
      refuse(name + " uses scalar row " + std::to_string(range.scalar_row) + ", which needs " +
             std::to_string(needed) + " scalars, received " + std::to_string(scalar_table.size()));
  }
}

/// Stores are only well-defined, whatever the order of blocks, where no element is visited twice.
void check_overlap(const VectorProgram& program, std::span<float* const> slots,
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
  for (const VectorInstruction& instruction : program.code) {
    if (instruction.op != static_cast<uint32_t>(VectorOp::Store)) continue;
    for (uint32_t other = 0; other < program.slots; ++other) {
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

bool takes_maxima(const VectorProgram& program, uint32_t accumulator) {
  return std::ranges::any_of(program.code, [&](const VectorInstruction& instruction) {
    return instruction.op == static_cast<uint32_t>(VectorOp::MaxAbs) && instruction.dst == accumulator;
  });
}

}  // namespace

void validate(const VectorProgram& program) {
  if (std::max({program.registers, program.slots, program.scalars, program.accumulators}) > largest_table)
    refuse("vector program: expected at most " + std::to_string(largest_table) +
           " registers, slots, scalars and accumulators each");
  std::vector<bool> written(program.registers, false);
  std::vector<Operand> given(program.accumulators, Operand::unread);
  for (size_t at = 0; at < program.code.size(); ++at) {
    const VectorInstruction& instruction = program.code[at];
    const std::string place = "vector program: instruction " + std::to_string(at);
    if (instruction.op >= vector_op_count) refuse(place + " has unknown op " + std::to_string(instruction.op));
    const Signature signature = signature_of(static_cast<VectorOp>(instruction.op));
    const auto check = [&](Operand operand, uint32_t index) {
      const auto bound = [&](const char* what, uint32_t limit) {
        if (index >= limit)
          refuse(place + " (" + signature.name + "): " + what + ' ' + std::to_string(index) + " of " +
                 std::to_string(limit));
      };
      switch (operand) {
        case Operand::unread: break;
        case Operand::reg: bound("register", program.registers); break;
        case Operand::written_register:
          bound("register", program.registers);
          if (!written[index])
            refuse(place + " (" + signature.name + ") reads register " + std::to_string(index) +
                   " before it is written");
          break;
        case Operand::slot: bound("slot", program.slots); break;
        case Operand::scalar: bound("scalar", program.scalars); break;
        case Operand::sum:
        case Operand::maximum:
          bound("accumulator", program.accumulators);
          if (given[index] != Operand::unread && given[index] != operand)
            refuse(place + " (" + signature.name + "): accumulator " + std::to_string(index) +
                   " is given both sums and maxima");
          given[index] = operand;
          break;
      }
    };
    check(signature.a, instruction.a);
    check(signature.b, instruction.b);
    check(signature.dst, instruction.dst);
    if (signature.dst == Operand::reg) written[instruction.dst] = true;
  }
}

std::vector<double> run(const VectorProgram& program, std::span<float* const> slots,
                        std::span<const VectorRange> ranges, std::span<const float> scalar_table, unsigned threads) {
  validate(program);
  check_run(program, slots, ranges, scalar_table);
  if (stores(program)) check_overlap(program, slots, ranges);

  const VectorPlan steps = plan(program);
  const std::vector<Block> blocks = blocks_of(ranges);
  const std::vector<size_t> tasks = tasks_of(blocks);
  const size_t width = program.accumulators;
  std::vector<double> partials(blocks.size() * width, 0.0);

  parallel_for(tasks.size() - 1, threads, [&](size_t task) {
    std::vector<float*> locations(program.slots + std::max<size_t>(steps.scratch_blocks, 1));
    float* const spare = scratch(steps.scratch_blocks * block_elements);
    for (size_t k = 0; k < steps.scratch_blocks; ++k) locations[program.slots + k] = spare + k * block_elements;
    for (size_t at = tasks[task]; at < tasks[task + 1]; ++at) {
      const Block& block = blocks[at];
      for (size_t slot = 0; slot < program.slots; ++slot) locations[slot] = slots[slot] + block.first;
      const float* scalars = scalar_table.data() + size_t{block.scalar_row} * program.scalars;
      run_block(steps.steps, locations.data(), scalars, block.count, partials.data() + at * width);
    }
  });

  std::vector<double> totals(width, 0.0);
  for (size_t k = 0; k < width; ++k) {
    const bool maxima = takes_maxima(program, static_cast<uint32_t>(k));
    for (size_t at = 0; at < blocks.size(); ++at) {
      const double partial = partials[at * width + k];
      totals[k] = maxima ? higher(totals[k], partial) : totals[k] + partial;
    }
  }
  return totals;
}

}  // namespace flatmin
