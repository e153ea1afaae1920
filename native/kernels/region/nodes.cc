#include "nodes.h"

#include <algorithm>

namespace flatmin::kernels::region {
namespace {

class Lowering {
 public:
  Lowering(const Program& program, const Space& space, const std::vector<uint8_t>& bools) : program_(program), space_(space), bools_(bools) {
    for (const Instruction& instruction : program.code) lower(instruction);
  }

  std::vector<Node> take() { return std::move(nodes_); }

 private:
  void lower(const Instruction& instruction) {
    Node node{.op = instruction.op};
    const Form form = node.form();
    if (form == Form::load) {
      node.tensor = instruction.a;
      node.full = space_.inputs[static_cast<size_t>(node.tensor)].full;
    } else {
      const Operand operands[] = {instruction.a, instruction.b, instruction.c};
      for (int index = 0; index < node.operands(); ++index) {
        node.src[index] = node_of(operands[index]);
        node.full = node.full || is_full(node.src[index]);
      }
      node.tensor = instruction.b;
    }
    switch (form) {
      case Form::load: break;
      case Form::reduction:
        if (!node.full) node.op = Op::Copy;  // rows of one column
        node.full = false;
        break;
      case Form::column_sum: node.src[0] = spread(node.src[0]); node.full = true; break;
      case Form::store:
        node.full = space_.outputs[static_cast<size_t>(node.tensor)].full;
        if (node.full) node.src[0] = spread(node.src[0]);
        break;
      default: map(node); break;
    }
    const Operand made = add(node);
    if (node.gives_value()) registers_.push_back(made);
  }

  void map(Node& node) {
    if (node.op == Op::Pow && node.src[1] < 0 && constant(node.src[1]) == 2.0f) {
      node.op = Op::Mul;
      node.src[1] = node.src[0];
    }
    const int count = node.operands();
    if (node.full && space_.columns < kShortRow)
      for (int index = 0; index < count; ++index)
        if (node.src[index] >= 0) node.src[index] = spread(node.src[index]);
    bool scalars = node.op != Op::Copy;
    for (int index = 0; index < count; ++index) scalars = scalars && is_scalar(node.src[index], node.full);
    if (scalars) {
      const Operand first = node.src[0];
      const Operand copy = add({.op = Op::Copy, .src = {first}, .full = node.full});
      for (int index = 0; index < count; ++index)
        if (node.src[index] == first) node.src[index] = copy;
    }
  }

  // A row's value in every column.
  Operand spread(Operand operand) {
    if (is_full(operand)) return operand;
    Operand& known = spread_[static_cast<size_t>(operand)];
    if (known < 0) {
      const Operand made = add({.op = Op::Copy, .src = {operand}, .full = true});
      spread_[static_cast<size_t>(operand)] = made;
      return made;
    }
    return known;
  }

  bool is_scalar(Operand operand, bool in_full) const {
    if (operand < 0) return true;
    const Node& node = nodes_[static_cast<size_t>(operand)];
    if (in_full) return !node.full;
    return node.op == Op::Load && !bools_[static_cast<size_t>(node.tensor)] && space_.inputs[static_cast<size_t>(node.tensor)].row == 0;
  }

  Operand add(Node node) {
    const bool reduction = node.form() == Form::reduction;
    for (int index = 0; index < node.operands(); ++index)
      if (node.src[index] >= 0) node.depth = std::max(node.depth, nodes_[static_cast<size_t>(node.src[index])].depth);
    node.depth += reduction ? 1 : 0;
    nodes_.push_back(node);
    spread_.push_back(-1);
    return static_cast<Operand>(nodes_.size() - 1);
  }

  Operand node_of(Operand operand) const { return operand < 0 ? operand : registers_[static_cast<size_t>(operand)]; }
  bool is_full(Operand operand) const { return operand >= 0 && nodes_[static_cast<size_t>(operand)].full; }
  float constant(Operand operand) const { return program_.constants[static_cast<size_t>(-1 - operand)]; }

  const Program& program_;
  const Space& space_;
  const std::vector<uint8_t>& bools_;
  std::vector<Node> nodes_;
  std::vector<Operand> registers_, spread_;
};

std::vector<Node> needed_of(const std::vector<Node>& nodes) {
  std::vector<uint8_t> needed(nodes.size());
  for (size_t at = nodes.size(); at-- > 0;) {
    needed[at] = needed[at] || !nodes[at].gives_value();
    if (!needed[at]) continue;
    for (int index = 0; index < nodes[at].operands(); ++index)
      if (nodes[at].src[index] >= 0) needed[static_cast<size_t>(nodes[at].src[index])] = true;
  }
  std::vector<Node> kept;
  std::vector<Operand> place(nodes.size());
  for (size_t at = 0; at < nodes.size(); ++at) {
    if (!needed[at]) continue;
    Node node = nodes[at];
    for (int index = 0; index < node.operands(); ++index)
      if (node.src[index] >= 0) node.src[index] = place[static_cast<size_t>(node.src[index])];
    place[at] = static_cast<Operand>(kept.size());
    kept.push_back(node);
  }
  return kept;
}

}  // namespace

std::vector<Node> nodes_of(const Program& program, const Space& space, const std::vector<uint8_t>& bools) {
  return needed_of(Lowering(program, space, bools).take());
}

}  // namespace flatmin::kernels::region
