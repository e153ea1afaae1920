#include "region.h"

#include <algorithm>
#include <atomic>

#include "plan.h"

namespace flatmin::kernels::region {
namespace {

// Below so many elements for each, more tasks are not worth their start. Sums of columns add up the tasks' parts, so their number is small.
constexpr int64_t kTaskElements = 16384;
constexpr int64_t kMostTasks = 64, kMostSumTasks = 16;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Tiles of rows and of columns, shared out to row_tasks × column_tasks tasks; no number depends on the threads.
struct Grid {
  int64_t inner_row_tiles, inner_column_tiles;
  int64_t row_tiles, column_tiles;
  int64_t row_tasks, column_tasks;

  int64_t tasks() const { return row_tasks * column_tasks; }
};

Grid grid_of(const Plan& plan) {
  const Space& space = plan.space;
  Grid grid{};
  grid.inner_row_tiles = ceil_div(space.rows, plan.tile_rows);
  grid.inner_column_tiles = ceil_div(space.columns, plan.tile_columns);
  grid.row_tiles = grid.inner_row_tiles * space.outer_row_count;
  grid.column_tiles = grid.inner_column_tiles * space.outer_column_count;
  const int64_t most = plan.column_sums.empty() ? kMostTasks : kMostSumTasks;
  const int64_t wanted = std::clamp<int64_t>(space.elements() / kTaskElements, 1, most);
  if (plan.reduces) {
    grid.column_tasks = 1;
    grid.row_tasks = std::min(grid.row_tiles, wanted);
  } else if (plan.column_sums.empty()) {
    grid.row_tasks = std::min(grid.row_tiles, wanted);
    grid.column_tasks = std::min(grid.column_tiles, ceil_div(wanted, grid.row_tasks));
  } else {
    grid.column_tasks = std::min(grid.column_tiles, wanted);
    grid.row_tasks = std::min(grid.row_tiles, ceil_div(wanted, grid.column_tasks));
  }
  return grid;
}

constexpr size_t kAlignment = 64;
size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// A worker's memory. Buffers are a line longer than a tile: equal low bits of addresses would stall reads behind writes.
struct Layout {
  size_t tile, row, sum, worker, columns;  // bytes of a buffer of each kind; of a worker; of all partial sums of columns

  Layout(const Plan& plan, const Grid& grid, unsigned threads)
      : tile(aligned(static_cast<size_t>(plan.tile_rows * plan.tile_columns) * sizeof(float)) + kAlignment),
        row(aligned(static_cast<size_t>(plan.tile_rows) * sizeof(float))),
        sum(aligned(static_cast<size_t>(plan.tile_rows) * sizeof(double))),
        worker(tile * static_cast<size_t>(plan.places.tiles) + row * static_cast<size_t>(plan.places.rows) + sum * static_cast<size_t>(plan.sums)),
        columns(static_cast<size_t>(grid.row_tasks * plan.space.all_columns()) * plan.column_sums.size() * sizeof(double)) {
    workers = std::min<int64_t>(grid.tasks(), threads);
  }
  int64_t workers;
  size_t bytes() const { return aligned(columns) + worker * static_cast<size_t>(workers); }
};

struct Run {
  const Plan& plan;
  const Grid grid;
  const Layout layout;
  const std::vector<Input>& inputs;
  const std::vector<float*>& outputs;
  std::byte* scratch;
  std::atomic<int64_t> next_task{0};

  double* column_sums(int64_t row_task, size_t index) const {
    const int64_t columns = plan.space.all_columns();
    return reinterpret_cast<double*>(scratch) + (static_cast<int64_t>(index) * grid.row_tasks + row_task) * columns;
  }
};

// A stretch of an inner axis, and where it lies among the outer ones.
struct Stretch {
  int64_t outer, begin, length;

  Stretch(int64_t index, int64_t inner_tiles, int64_t tile, int64_t extent)
      : outer(index / inner_tiles), begin(index % inner_tiles * tile), length(std::min(tile, extent - begin)) {}
};

int64_t offset_of(int64_t outer, const std::vector<int64_t>& extents, const std::vector<int64_t>& steps) {
  int64_t offset = 0;
  for (size_t axis = extents.size(); axis-- > 0;) {
    offset += outer % extents[axis] * steps[axis];
    outer /= extents[axis];
  }
  return offset;
}

class Worker {
 public:
  Worker(Run& run, int64_t number)
      : run_(run), plan_(run.plan), space_(run.plan.space), values_(static_cast<size_t>(plan_.places.count())), sums_(static_cast<size_t>(plan_.sums)) {
    const Places& places = plan_.places;
    std::byte* memory = run.scratch + aligned(run.layout.columns) + run.layout.worker * static_cast<size_t>(number);
    const auto take = [&](size_t bytes) {
      std::byte* taken = memory;
      memory += bytes;
      return taken;
    };
    for (int index = 0; index < places.constants; ++index) value(places.constant(index)).data = &plan_.constants[static_cast<size_t>(index)];
    for (int index = 0; index < places.tiles; ++index) value(places.tile(index)).data = take(run.layout.tile);
    for (int index = 0; index < places.rows; ++index) {
      value(places.row(index)).data = take(run.layout.row);
      value(places.row(index)).row = 1;
    }
    for (double*& sum : sums_) sum = reinterpret_cast<double*>(take(run.layout.sum));
    for (size_t index = 0; index < space_.inputs.size(); ++index) memories_.push_back({&space_.inputs[index], run.inputs[index].data, run.inputs[index].is_bool ? 1 : sizeof(float)});
    for (size_t index = 0; index < space_.outputs.size(); ++index) memories_.push_back({&space_.outputs[index], run.outputs[index], sizeof(float)});
    for (size_t index = 0; index < memories_.size(); ++index) {
      values_[index].row = memories_[index].access->row;
      values_[index].column = memories_[index].access->column;
    }
  }

  void work() {
    for (;;) {
      const int64_t task = run_.next_task.fetch_add(1, std::memory_order_relaxed);
      if (task >= run_.grid.tasks()) return;
      walk(task / run_.grid.column_tasks, task % run_.grid.column_tasks);
    }
  }

 private:
  // A place's value in the tile at hand.
  struct Value {
    const void* data = nullptr;
    int64_t row = 0, column = 1;
  };

  struct Memory {
    const Access* access;
    const void* data;
    size_t size;  // of an element
    int64_t row_offset = 0;
  };

  Value& value(int place) { return values_[static_cast<size_t>(place)]; }

  void walk(int64_t row_task, int64_t column_task) {
    const Grid& grid = run_.grid;
    const int64_t first_column = grid.column_tiles * column_task / grid.column_tasks;
    const int64_t end_column = grid.column_tiles * (column_task + 1) / grid.column_tasks;
    row_task_ = row_task;
    clear_column_sums(first_column, end_column);
    for (int64_t tile = grid.row_tiles * row_task / grid.row_tasks; tile < grid.row_tiles * (row_task + 1) / grid.row_tasks; ++tile) {
      const Stretch rows(tile, grid.inner_row_tiles, plan_.tile_rows, space_.rows);
      rows_ = rows.length;
      for (Memory& memory : memories_) memory.row_offset = offset_of(rows.outer, space_.outer_rows, memory.access->outer_rows) + rows.begin * memory.access->row;
      for (const Phase& phase : plan_.phases) {
        move_to_column(first_column);
        first_ = first_column == 0;
        for (const Step& step : phase.before) execute(step);
        if (phase.body.empty()) continue;
        for (int64_t column = first_column; column < end_column; ++column) {
          move_to_column(column);
          for (const Step& step : phase.body) execute(step);
        }
      }
    }
  }

  void move_to_column(int64_t tile) {
    const Stretch columns(tile, run_.grid.inner_column_tiles, plan_.tile_columns, space_.columns);
    columns_ = columns.length;
    column_index_ = columns.outer * space_.columns + columns.begin;
    for (size_t index = 0; index < memories_.size(); ++index) {
      const Memory& memory = memories_[index];
      const Access& access = *memory.access;
      const int64_t offset = memory.row_offset + offset_of(columns.outer, space_.outer_columns, access.outer_columns) + columns.begin * access.column;
      values_[index].data = static_cast<const std::byte*>(memory.data) + offset * static_cast<int64_t>(memory.size);
    }
    for (int index = 0; index < plan_.places.tiles; ++index) value(plan_.places.tile(index)).row = columns_;
  }

  void clear_column_sums(int64_t first_tile, int64_t end_tile) {
    const Grid& grid = run_.grid;
    for (size_t index = 0; index < plan_.column_sums.size(); ++index) {
      for (int64_t tile = first_tile; tile < end_tile; ++tile) {
        const Stretch columns(tile, grid.inner_column_tiles, plan_.tile_columns, space_.columns);
        std::fill_n(run_.column_sums(row_task_, index) + columns.outer * space_.columns + columns.begin, columns.length, 0.0);
      }
    }
  }

  void execute(const Step& step) {
    StepArgs args;
    if (step.full) {
      args.rows = rows_;
      args.columns = columns_;
    } else {
      args.rows = 1;
      args.columns = rows_;
    }
    switch (step.kind) {
      case Step::Kind::map: map(step, args); return;
      case Step::Kind::copy_in:
      case Step::Kind::copy_out: {
        if (!step.full && step.kind == Step::Kind::copy_out && !first_) return;
        const Value &src = value(step.src[0]), &dst = value(step.dst);
        args.src[0] = src.data;
        args.dst = writable(dst);
        args.src_row[0] = step.full ? src.row : 0;
        args.src_column = step.full ? src.column : src.row;
        args.dst_row = step.full ? dst.row : 0;
        args.dst_column = step.full ? dst.column : dst.row;
        break;
      }
      case Step::Kind::reduce:
        args.src[0] = value(step.src[0]).data;
        args.src_row[0] = value(step.src[0]).row;
        args.sums = sums_[static_cast<size_t>(step.index)];
        break;
      case Step::Kind::clear:
      case Step::Kind::finish:
        args.rows = rows_;
        args.sums = sums_[static_cast<size_t>(step.index)];
        args.dst = step.kind == Step::Kind::finish ? writable(value(step.dst)) : nullptr;
        break;
      case Step::Kind::column_sum:
        args.src[0] = value(step.src[0]).data;
        args.src_row[0] = value(step.src[0]).row;
        args.sums = run_.column_sums(row_task_, static_cast<size_t>(step.index)) + column_index_;
        break;
    }
    step.function(args);
  }

  void map(const Step& step, StepArgs& args) {
    const Value& dst = value(step.dst);
    args.dst = writable(dst);
    args.dst_row = dst.row;
    bool flat = dst.row == columns_;
    for (int index = 0; index < 3; ++index) {
      const Value& src = value(step.src[index]);
      args.src[index] = src.data;
      args.src_row[index] = src.row;
      flat = flat && src.row == (step.scalars >> index & 1 ? 0 : columns_);
    }
    if (step.full && flat) {
      args.columns *= args.rows;
      args.rows = 1;
    }
    step.function(args);
  }

  static float* writable(const Value& value) { return static_cast<float*>(const_cast<void*>(value.data)); }

  Run& run_;
  const Plan& plan_;
  const Space& space_;
  std::vector<Value> values_;
  std::vector<double*> sums_;
  std::vector<Memory> memories_;
  int64_t row_task_ = 0, rows_ = 0, columns_ = 0, column_index_ = 0;
  bool first_ = true;
};

// The tasks' parts, in order.
void add_column_sums(const Run& run) {
  const Plan& plan = run.plan;
  const Space& space = plan.space;
  for (size_t index = 0; index < plan.column_sums.size(); ++index) {
    const auto output = static_cast<size_t>(plan.column_sums[index]);
    const Access& access = space.outputs[output];
    double* total = run.column_sums(0, index);
    for (int64_t task = 1; task < run.grid.row_tasks; ++task) {
      const double* part = run.column_sums(task, index);
      for (int64_t column = 0; column < space.all_columns(); ++column) total[column] += part[column];
    }
    for (int64_t outer = 0; outer < space.outer_column_count; ++outer) {
      float* to = run.outputs[output] + offset_of(outer, space.outer_columns, access.outer_columns);
      const double* from = total + outer * space.columns;
      for (int64_t column = 0; column < space.columns; ++column) to[column * access.column] = static_cast<float>(from[column]);
    }
  }
}

}  // namespace

Region::Region(const Description& description) : program_(checked(description)) {}
Region::~Region() = default;

std::shared_ptr<const Plan> Region::plan(const std::vector<uint8_t>& bools) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!plan_ || !std::ranges::equal(plan_->bools, bools)) plan_ = std::make_shared<const Plan>(plan_of(program_, bools, steps()));
  return plan_;
}

size_t scratch_bytes(const Plan& plan, unsigned threads) { return Layout(plan, grid_of(plan), threads).bytes(); }

void run(const Plan& plan, const std::vector<Input>& inputs, const std::vector<float*>& outputs, void* scratch, const Parallel& parallel) {
  const Grid grid = grid_of(plan);
  Run state{plan, grid, Layout(plan, grid, parallel.threads), inputs, outputs, static_cast<std::byte*>(scratch)};
  std::vector<Worker> workers;
  for (int64_t number = 0; number < state.layout.workers; ++number) workers.emplace_back(state, number);
  if (workers.size() == 1) {
    workers[0].work();
  } else {
    const auto work = [](void* all, size_t number) { (*static_cast<std::vector<Worker>*>(all))[number].work(); };
    parallel.run(parallel.context, workers.size(), work, &workers);
  }
  add_column_sums(state);
}

}  // namespace flatmin::kernels::region
