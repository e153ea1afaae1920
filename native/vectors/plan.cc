#include "plan.h"

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

  bool has_value() const { return !store && !accumulates(op); }
};

struct Becomes {
  VectorStepOp step;
  bool negated;
};

/// By VectorOp.
constexpr Becomes becomes[] = {
#define FLATMIN_VECTOR_OP(name, dst, a, b, step, negated) {VectorStepOp::step, negated},
#include "ops.def"
};

Node node_of(const VectorInstruction& instruction, const std::vector<uint32_t>& value_of) {
  const VectorSignature& takes = vector_signatures[instruction.op];
  const auto [step, negated] = becomes[instruction.op];
  Node node{.op = step};
  if (takes.a == Operand::value) node.a = value_of[instruction.a];
  if (takes.a == Operand::scalar) node.sa = {instruction.a, negated};
  if (takes.b == Operand::scalar) node.sa = {instruction.b, negated};
  if (takes.b == Operand::value) {
    node.b = value_of[instruction.b];
    node.sb = {VectorScale::one, negated};
  }
  node.load = takes.a == Operand::slot;
  node.store = takes.dst == Operand::slot;
  if (!node.has_value()) node.target = instruction.dst;
  if (node.load) node.target = instruction.a;
  return node;
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
