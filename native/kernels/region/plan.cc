#include "plan.h"

#include <algorithm>

#include "nodes.h"

namespace flatmin::kernels::region {
namespace {

// Numbers of floats: a tile's buffers are to stay in the first-level cache, or, where rows are walked whole, in the second.
constexpr int64_t kTileFloats = 8192, kRowFloats = 65536;
constexpr int64_t kLeastTile = 1024, kMostTile = 4096;
constexpr int64_t kLine = 16;

constexpr int kNowhere = -1;

class Emitter {
 public:
  // `whole`: a tile has whole rows, and one phase does all.
  Emitter(const std::vector<Node>& nodes, Plan& plan, const StepTable& table, bool whole)
      : nodes_(nodes), plan_(plan), table_(table), whole_(whole), row_place_(nodes.size(), kNowhere), sum_of_(nodes.size(), kNowhere) {
    for (size_t at = 0; at < nodes.size(); ++at) {
      if (nodes[at].form() == Form::reduction) sum_of_[at] = plan_.sums++;
      if (nodes[at].full) last_ = std::max(last_, nodes[at].gives_value() ? 0 : nodes[at].depth);
      if (nodes[at].form() == Form::reduction) last_ = std::max(last_, nodes[at].depth - 1);
      depth_ = std::max(depth_, nodes[at].depth);
    }
    for (const int phase_count = whole ? 1 : depth_ + 1; phase_ < phase_count; ++phase_) emit_phase();
    number_places();
  }

 private:
  bool in_phase(const Node& node) const { return whole_ || node.depth == phase_; }

  void emit_phase() {
    plan_.phases.emplace_back();
    find_needed();
    if (!whole_) {
      // Rows first: what the phase before has reduced, and what follows from it.
      for (size_t at = 0; at < nodes_.size(); ++at)
        if (!nodes_[at].full && in_phase(nodes_[at])) emit_row(at, plan_.phases.back().before);
      for (size_t at = 0; at < nodes_.size(); ++at)
        if (nodes_[at].form() == Form::reduction && nodes_[at].depth == phase_ + 1) emit_clear(at, plan_.phases.back().before);
    }
    auto& body = plan_.phases.back().body;
    place_.assign(nodes_.size(), kNowhere);
    for (size_t at = 0; at < nodes_.size(); ++at) {
      if (!needed_[at]) continue;
      const Node& node = nodes_[at];
      if (node.form() == Form::reduction) {
        if (whole_) emit_clear(at, body);
        body.push_back({.kind = Step::Kind::reduce,
                        .function = node.op == Op::RowMax ? table_.add_max : table_.add_sum,
                        .full = true,
                        .src = {place_of(node.src[0])},
                        .index = sum_of_[at]});
        release_operands(node);
        if (whole_) emit_row(at, body);
      } else if (node.full) {
        emit_full(at, body);
      } else {
        emit_row(at, body);
      }
    }
  }

  // What the body of the phase computes, and how often it reads each.
  void find_needed() {
    needed_.assign(nodes_.size(), 0);
    uses_.assign(nodes_.size(), 0);
    for (size_t at = nodes_.size(); at-- > 0;) {
      const Node& node = nodes_[at];
      if (whole_) {
        needed_[at] = 1;
      } else if (node.form() == Form::reduction) {
        needed_[at] = node.depth == phase_ + 1;
      } else if (node.full && !node.gives_value()) {
        needed_[at] = phase_ == last_;
      }
      if (!needed_[at]) continue;
      for (int index = 0; index < node.operands(); ++index) {
        const Operand operand = node.src[index];
        if (operand < 0 || !nodes_[static_cast<size_t>(operand)].full) continue;
        needed_[static_cast<size_t>(operand)] = 1;
        uses_[static_cast<size_t>(operand)]++;
      }
    }
  }

  // Straight from or to memory, by rows of the tile's own length.
  bool direct(const Access& access) const {
    if (access.column != 1) return false;
    return plan_.space.columns >= kShortRow || plan_.space.rows == 1 || access.row == plan_.space.columns;
  }

  void emit_full(size_t at, std::vector<Step>& body) {
    const Node& node = nodes_[at];
    switch (node.form()) {
      case Form::load: {
        const Access& access = plan_.space.inputs[static_cast<size_t>(node.tensor)];
        const bool is_bool = plan_.bools[static_cast<size_t>(node.tensor)];
        if (!is_bool && direct(access)) {
          place_[at] = node.tensor;
          return;
        }
        body.push_back({.kind = Step::Kind::copy_in,
                        .function = is_bool ? table_.copy_bools : table_.copy_floats,
                        .full = true,
                        .dst = result_place(at),
                        .src = {node.tensor}});
        return;
      }
      case Form::store: {
        const int output = plan_.places.output(node.tensor), value = place_of(node.src[0]);
        if (value != output) {
          if (direct(plan_.space.outputs[static_cast<size_t>(node.tensor)])) {
            body.push_back({.kind = Step::Kind::map, .function = table_.map[static_cast<size_t>(Op::Copy)][0], .full = true, .dst = output, .src = {value, value, value}});
          } else {
            body.push_back({.kind = Step::Kind::copy_out, .function = table_.copy_floats, .full = true, .dst = output, .src = {value}});
          }
        }
        release_operands(node);
        return;
      }
      case Form::column_sum:
        body.push_back({.kind = Step::Kind::column_sum,
                        .function = table_.column_sum,
                        .full = true,
                        .src = {place_of(node.src[0])},
                        .index = static_cast<int>(plan_.column_sums.size())});
        plan_.column_sums.push_back(node.tensor);
        release_operands(node);
        return;
      default: {
        Step step = map_step(node);
        release_operands(node);  // a step may write where it reads
        step.dst = result_place(at);
        body.push_back(step);
      }
    }
  }

  Step map_step(const Node& node) const {
    Step step{.kind = Step::Kind::map, .function = nullptr, .full = node.full};
    for (int index = 0; index < 3; ++index) {
      const Operand operand = index < node.operands() ? node.src[index] : node.src[0];
      step.src[index] = place_of(operand);
      if (index < node.operands() && is_scalar(operand, node.full)) step.scalars |= 1 << index;
    }
    step.function = table_.map[static_cast<size_t>(node.op)][static_cast<size_t>(step.scalars)];
    for (int index = node.operands(); index < 3; ++index) step.scalars |= (step.scalars & 1) << index;  // unread, and as operand 0
    return step;
  }

  bool is_scalar(Operand operand, bool in_full) const {
    if (operand < 0) return true;
    const Node& node = nodes_[static_cast<size_t>(operand)];
    if (in_full) return !node.full;
    const int place = row_place_[static_cast<size_t>(operand)];
    return place < plan_.places.inputs && plan_.space.inputs[static_cast<size_t>(place)].row == 0;
  }

  // The output itself where the value is stored to one as it is computed; else a buffer.
  int result_place(size_t at) {
    for (size_t store = at + 1; store < nodes_.size(); ++store) {
      const Node& node = nodes_[store];
      if (needed_[store] && node.full && node.form() == Form::store && node.src[0] == static_cast<Operand>(at) &&
          direct(plan_.space.outputs[static_cast<size_t>(node.tensor)])) {
        return place_[at] = plan_.places.output(node.tensor);
      }
    }
    if (unused_.empty()) unused_.push_back(plan_.places.tiles++);
    const int buffer = unused_.back();
    unused_.pop_back();
    return place_[at] = kFirstBuffer + buffer;
  }

  void release_operands(const Node& node) {
    for (int index = 0; index < node.operands(); ++index) {
      const Operand operand = node.src[index];
      if (operand < 0 || !nodes_[static_cast<size_t>(operand)].full) continue;
      const int place = place_[static_cast<size_t>(operand)];
      if (--uses_[static_cast<size_t>(operand)] == 0 && place >= kFirstBuffer) unused_.push_back(place - kFirstBuffer);
    }
  }

  void emit_clear(size_t at, std::vector<Step>& steps) {
    steps.push_back(
        {.kind = Step::Kind::clear, .function = nodes_[at].op == Op::RowMax ? table_.clear_max : table_.clear_sum, .full = false, .index = sum_of_[at]});
  }

  void emit_row(size_t at, std::vector<Step>& steps) {
    const Node& node = nodes_[at];
    switch (node.form()) {
      case Form::load: {
        const Access& access = plan_.space.inputs[static_cast<size_t>(node.tensor)];
        const bool is_bool = plan_.bools[static_cast<size_t>(node.tensor)];
        if (!is_bool && access.row <= 1) {
          row_place_[at] = node.tensor;
          return;
        }
        steps.push_back({.kind = Step::Kind::copy_in,
                         .function = is_bool ? table_.copy_bools : table_.copy_floats,
                         .full = false,
                         .dst = row_buffer(at),
                         .src = {node.tensor}});
        return;
      }
      case Form::reduction:
        steps.push_back({.kind = Step::Kind::finish, .function = table_.finish, .full = false, .dst = row_buffer(at), .index = sum_of_[at]});
        return;
      case Form::store:
        steps.push_back({.kind = Step::Kind::copy_out,
                         .function = table_.copy_floats,
                         .full = false,
                         .dst = plan_.places.output(node.tensor),
                         .src = {place_of(node.src[0])}});
        return;
      default: {
        Step step = map_step(node);
        step.dst = row_buffer(at);
        steps.push_back(step);
      }
    }
  }

  int row_buffer(size_t at) { return row_place_[at] = kFirstRow + plan_.places.rows++; }

  int place_of(Operand operand) const {
    if (operand < 0) return plan_.places.constant(-1 - operand);
    const auto at = static_cast<size_t>(operand);
    return nodes_[at].full ? place_[at] : row_place_[at];
  }

  // While buffers are counted, they are numbered from far away.
  static constexpr int kFirstBuffer = 1 << 20, kFirstRow = 1 << 24;

  void number_places() {
    const auto settle = [&](int& place) {
      if (place >= kFirstRow) {
        place = plan_.places.row(place - kFirstRow);
      } else if (place >= kFirstBuffer) {
        place = plan_.places.tile(place - kFirstBuffer);
      }
    };
    for (Phase& phase : plan_.phases) {
      for (auto* steps : {&phase.before, &phase.body}) {
        for (Step& step : *steps) {
          settle(step.dst);
          for (int& src : step.src) settle(src);
        }
      }
    }
  }

  const std::vector<Node>& nodes_;
  Plan& plan_;
  const StepTable& table_;
  const bool whole_;
  int phase_ = 0, depth_ = 0, last_ = 0;
  std::vector<int> place_;      // of full values, in this phase
  std::vector<int> row_place_;  // of rows' values
  std::vector<int> sum_of_;
  std::vector<uint8_t> needed_;
  std::vector<int> uses_;
  std::vector<int> unused_;  // buffers
};

// Whether a tensor has its neighbours along rows and not along columns.
bool transposed(const Plan& plan) {
  const auto strided = [](const Access& access) { return access.full && access.column > 1; };
  return std::ranges::any_of(plan.space.inputs, strided) || std::ranges::any_of(plan.space.outputs, strided);
}

int64_t rounded(int64_t value, int64_t step) { return std::max(step, value / step * step); }

void size_tiles(Plan& plan, bool whole) {
  const Space& space = plan.space;
  const int64_t floats = std::clamp(rounded(kTileFloats / std::max(1, plan.places.tiles), kLine), kLeastTile, kMostTile);
  const bool lines = transposed(plan);
  plan.tile_columns = whole ? space.columns : std::min(space.columns, lines ? 4 * kLine : floats);
  plan.tile_rows = std::max<int64_t>(1, floats / plan.tile_columns);
  if (lines) plan.tile_rows = std::max(plan.tile_rows, kLine);
  plan.tile_rows = std::min(plan.tile_rows, space.rows);
}

}  // namespace

Plan plan_of(const Program& program, const std::vector<uint8_t>& bools, const StepTable& table) {
  Plan blank;
  blank.space = space_of(program);
  blank.bools = bools;
  blank.constants = program.constants;
  blank.places = {.inputs = static_cast<int>(program.inputs.size()),
                  .outputs = static_cast<int>(program.outputs.size()),
                  .constants = static_cast<int>(program.constants.size())};
  const std::vector<Node> nodes = nodes_of(program, blank.space, bools);
  blank.reduces = std::ranges::any_of(nodes, [](const Node& node) { return node.form() == Form::reduction; });
  Plan plan = blank;
  if (blank.reduces && blank.space.outer_column_count == 1) {
    Emitter(nodes, plan, table, true);
    size_tiles(plan, true);
    if (plan.tile_rows * plan.tile_columns * std::max(1, plan.places.tiles) <= kRowFloats) return plan;
    plan = blank;
  }
  Emitter(nodes, plan, table, false);
  size_tiles(plan, false);
  return plan;
}

}  // namespace flatmin::kernels::region
