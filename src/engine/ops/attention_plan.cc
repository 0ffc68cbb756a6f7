#include "engine/ops/attention_plan.h"

#include <algorithm>

namespace attune::engine::ops {
namespace {

constexpr int64_t kRowsMin = 24;         // rows a task, below which transposing keys costs too much
constexpr int64_t kTasksPerThread = 8;   // enough to even out

int64_t rows_per_task(const PackedLayout& layout, int64_t key_heads, int64_t threads) {
  int64_t rows = cpu::kAttentionRowsMax;
  const auto tasks = [&] { return layout.tokens() / rows * key_heads; };
  while (rows / 2 >= kRowsMin && threads > 1 && tasks() < kTasksPerThread * threads) rows /= 2;
  return rows;
}

// Segments of every tree, in order; trees in order of their roots.
std::vector<std::vector<int64_t>> trees_of(const PackedLayout& layout) {
  std::vector<std::vector<int64_t>> trees;
  std::vector<size_t> tree_of(static_cast<size_t>(layout.segment_count()));
  for (int64_t s = 0; s < layout.segment_count(); ++s) {
    const int64_t parent = layout.segment(s).parent;
    if (parent < 0) {
      tree_of[static_cast<size_t>(s)] = trees.size();
      trees.emplace_back();
    } else {
      tree_of[static_cast<size_t>(s)] = tree_of[static_cast<size_t>(parent)];
    }
    trees[tree_of[static_cast<size_t>(s)]].push_back(s);
  }
  return trees;
}

class PlanMaker {
 public:
  PlanMaker(const PackedLayout& layout, int64_t window, int64_t rows)
      : layout_(layout), window_(window), rows_(rows) {}

  void add_group(const std::vector<int64_t>& tree, int64_t key_head) {
    AttentionGroup group{layout_.tokens(), 0, key_head};
    int64_t end = 0;
    for (int64_t s : tree) {
      const Segment& segment = layout_.segment(s);
      group.first_token = std::min(group.first_token, segment.begin);
      end = std::max(end, segment.begin + segment.length);
    }
    group.token_count = end - group.first_token;
    plan.groups.push_back(group);
    for (int64_t s : tree) {
      const Segment& segment = layout_.segment(s);
      for (int64_t at = 0; at < segment.length; at += rows_) add_task(s, at, key_head);
    }
  }

  // Ranges no longer move: tasks may point at them.
  void finish() {
    for (size_t t = 0; t < plan.tasks.size(); ++t) {
      plan.tasks[t].ranges = plan.ranges.data() + range_at_[t];
    }
  }

  AttentionPlan plan;

 private:
  void add_task(int64_t index, int64_t at, int64_t key_head) {
    const Segment& own = layout_.segment(index);
    cpu::AttentionTask task;
    task.begin = own.begin + at;
    task.rows = std::min(rows_, own.length - at);
    task.first_position = own.first_position + at;
    task.key_head = key_head;
    range_at_.push_back(plan.ranges.size());
    for (int64_t s : layout_.path_to(own.parent)) {
      const Segment& above = layout_.segment(s);
      plan.ranges.push_back({above.begin, above.length, above.first_position});
    }
    plan.ranges.push_back({own.begin, at + task.rows, own.first_position});
    task.range_count = static_cast<int64_t>(plan.ranges.size() - range_at_.back());
    double keys = static_cast<double>(task.first_position) + static_cast<double>(task.rows) / 2;
    if (window_ > 0) keys = std::min(keys, static_cast<double>(window_));
    const double cost = (keys + 32) * static_cast<double>(task.rows);
    if (plan.cost_before.empty()) plan.cost_before.push_back(0);
    plan.cost_before.push_back(plan.cost_before.back() + cost);
    plan.group_of.push_back(static_cast<int64_t>(plan.groups.size()) - 1);
    plan.tasks.push_back(task);
  }

  const PackedLayout& layout_;
  int64_t window_;
  int64_t rows_;
  std::vector<size_t> range_at_;
};

}  // namespace

size_t AttentionPlan::lane_begin(int64_t lane, int64_t lanes) const {
  const double cut = cost_before.back() * static_cast<double>(lane) / static_cast<double>(lanes);
  const auto it = std::lower_bound(cost_before.begin(), cost_before.end(), cut);
  return std::min(static_cast<size_t>(it - cost_before.begin()), tasks.size());
}

std::shared_ptr<const AttentionPlan> make_attention_plan(const PackedLayout& layout,
                                                         int64_t key_heads, int64_t window,
                                                         int64_t threads) {
  PlanMaker maker(layout, window, rows_per_task(layout, key_heads, threads));
  for (const std::vector<int64_t>& tree : trees_of(layout)) {
    for (int64_t h = 0; h < key_heads; ++h) maker.add_group(tree, h);
  }
  maker.finish();
  // Moving a vector keeps its elements where they are, so the tasks' pointers stay good.
  return std::make_shared<const AttentionPlan>(std::move(maker.plan));
}

}  // namespace attune::engine::ops
