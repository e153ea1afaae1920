#include "vector_plan.h"

#include <algorithm>

namespace flatmin {
namespace {

constexpr uint32_t none = UINT32_MAX;

/// One instruction in single-assignment form: a node is the value it computes, `a` and `b` name nodes.
/// Nodes with `load` copy from slot `target`, with `store` to it; accumulations have `target` too.
struct Node {
  VectorStepOp op = VectorStepOp::Copy;
  uint32_t a = none, b = none;
  VectorScale sa = {}, sb = {};
  uint32_t target = none;
  bool load = false, store = false;
  bool live = false;
  uint32_t last_read = 0;    // the last node that reads this one
  uint32_t location = none;

  bool accumulates() const { return op >= VectorStepOp::Sum; }
  bool has_value() const { return !store && !accumulates(); }
};

Node node_of(const VectorInstruction& instruction, const std::vector<uint32_t>& value_of) {
  using Step = VectorStepOp;
  // Plain names: before version 16, clang captures no structured bindings.
  const auto op = instruction.op;
  const auto dst = instruction.dst, a = instruction.a, b = instruction.b;
  const auto two = [&](Step step, bool negated = false) {
    return Node{.op = step, .a = value_of[a], .b = value_of[b], .sb = {VectorScale::one, negated}};
  };
  const auto one = [&](Step step) { return Node{.op = step, .a = value_of[a]}; };
  const auto scaled = [&](Step step, bool negated = false) {
    return Node{.op = step, .a = value_of[a], .sa = {b, negated}};
  };
  const auto accumulated = [&](Step step) { return Node{.op = step, .a = value_of[a], .target = dst}; };
  switch (static_cast<VectorOp>(op)) {
    case VectorOp::Load: return {.target = a, .load = true};
    case VectorOp::Store: return {.a = value_of[a], .target = dst, .store = true};
    case VectorOp::Add: return two(Step::Combine);
    case VectorOp::Sub: return two(Step::Combine, true);
    case VectorOp::Mul: return two(Step::Mul);
    case VectorOp::Div: return two(Step::Div);
    case VectorOp::Max: return two(Step::Max);
    case VectorOp::AddScalar: return scaled(Step::AddScalar);
    case VectorOp::SubScalar: return scaled(Step::AddScalar, true);
    case VectorOp::ScalarSub: return scaled(Step::ScalarSub);
    case VectorOp::MulScalar: return scaled(Step::MulScalar);
    case VectorOp::DivScalar: return scaled(Step::DivScalar);
    case VectorOp::ScalarDiv: return scaled(Step::ScalarDiv);
    case VectorOp::MaxScalar: return scaled(Step::MaxScalar);
    case VectorOp::Abs: return one(Step::Abs);
    case VectorOp::Sqrt: return one(Step::Sqrt);
    case VectorOp::Square: return one(Step::Square);
    case VectorOp::Sign: return one(Step::Sign);
    case VectorOp::FillScalar: return {.op = Step::Fill, .sa = {a, false}};
    case VectorOp::Sum: return accumulated(Step::Sum);
    case VectorOp::SumSquares: break;
  }
  return accumulated(Step::SumSquares);
}

std::vector<Node> nodes_of(const VectorCode& code) {
  std::vector<Node> nodes;
  std::vector<uint32_t> value_of(code.registers, none);
  for (const VectorInstruction& instruction : code.instructions) {
    nodes.push_back(node_of(instruction, value_of));
    if (nodes.back().has_value()) value_of[instruction.dst] = static_cast<uint32_t>(nodes.size() - 1);
  }
  return nodes;
}

/// x + (s·y) and x − (s·y) become one step. The product is still rounded, and costs nothing to compute twice.
void fuse_products(std::vector<Node>& nodes) {
  const auto fuse = [&](uint32_t& operand, VectorScale& scale) {
    const Node& product = nodes[operand];
    if (product.op != VectorStepOp::MulScalar) return;
    scale = {product.sa.scalar, scale.negated};
    operand = product.a;
  };
  for (Node& node : nodes) {
    if (node.op != VectorStepOp::Combine) continue;
    fuse(node.a, node.sa);
    fuse(node.b, node.sb);
  }
}

void find_lifetimes(std::vector<Node>& nodes) {
  for (uint32_t at = static_cast<uint32_t>(nodes.size()); at-- > 0;) {
    Node& node = nodes[at];
    node.live = node.live || !node.has_value();
    if (!node.live) continue;
    for (const uint32_t operand : {node.a, node.b}) {
      if (operand == none) continue;
      nodes[operand].live = true;
      nodes[operand].last_read = std::max(nodes[operand].last_read, at);
    }
  }
}

/// Lets a slot hold a value where it can: a loaded one until the slot is stored to, and a stored one from the
/// node that computes it, if the slot's old value has had its last read by then.
void place_in_slots(std::vector<Node>& nodes) {
  const auto next_store = [&](uint32_t slot, uint32_t after) {
    uint32_t at = after + 1;
    while (at < nodes.size() && !(nodes[at].store && nodes[at].target == slot)) ++at;
    return at;
  };
  for (uint32_t at = 0; at < nodes.size(); ++at) {
    Node& node = nodes[at];
    if (node.live && node.load && next_store(node.target, at) >= node.last_read) node.location = node.target;
  }
  for (uint32_t at = 0; at < nodes.size(); ++at) {
    if (!nodes[at].store) continue;
    const uint32_t slot = nodes[at].target;
    const uint32_t computed = nodes[at].a;
    Node& value = nodes[computed];
    if (value.load || value.location != none || next_store(slot, at) < value.last_read) continue;
    bool free = true;
    for (uint32_t other = 0; other < at; ++other) {
      const Node& node = nodes[other];
      const bool held = node.location == slot && other < computed && node.last_read > computed;
      const bool touched = (node.load || node.store) && node.target == slot && other > computed;
      free = free && !held && !touched;
    }
    if (free) value.location = slot;
  }
}

}  // namespace

VectorPlan plan(const VectorCode& code) {
  std::vector<Node> nodes = nodes_of(code);
  fuse_products(nodes);
  find_lifetimes(nodes);
  place_in_slots(nodes);

  VectorPlan result;
  std::vector<uint32_t> unused;  // scratch locations
  for (uint32_t at = 0; at < nodes.size(); ++at) {
    Node& node = nodes[at];
    if (!node.live) continue;
    // A step may write where it reads: operands read here for the last time give up their scratch first.
    for (const uint32_t operand : {node.a, node.b}) {
      if (operand == none) continue;
      const Node& read = nodes[operand];
      const bool released = std::find(unused.begin(), unused.end(), read.location) != unused.end();
      if (read.location >= code.slots && read.last_read == at && !released) unused.push_back(read.location);
    }
    if (node.has_value() && node.location == none) {
      if (unused.empty()) unused.push_back(code.slots + result.scratch_blocks++);
      node.location = unused.back();
      unused.pop_back();
    }
    const uint32_t a = node.load ? node.target : node.a == none ? 0 : nodes[node.a].location;
    const uint32_t b = node.b == none ? 0 : nodes[node.b].location;
    const uint32_t dst = node.has_value() ? node.location : node.target;
    if (node.op == VectorStepOp::Copy && dst == a) continue;
    result.steps.push_back({node.op, dst, a, b, node.sa, node.sb});
  }
  return result;
}

}  // namespace flatmin
