// The forest of a pass cut into tasks for the CPU kernels, and the tasks dealt to threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/ops/attention.h"
#include "engine/ops/cpu/kernels.h"

namespace attune::engine::ops {

// Tasks of one tree and one key head: they add to the same rows of d k and d v.
struct AttentionGroup {
  int64_t first_token = 0;  // of the tree
  int64_t token_count = 0;  // from the tree's first to its last token
  int64_t key_head = 0;
};

// Immutable once made; kernels point into it.
struct AttentionPlan {
  std::vector<cpu::KeyRange> ranges;
  std::vector<cpu::AttentionTask> tasks;  // tasks of a group are neighbours
  std::vector<int64_t> group_of;          // [tasks]
  std::vector<AttentionGroup> groups;
  std::vector<double> cost_before;        // [tasks + 1], running sum of query-key pairs

  // First task of lane `lane` of `lanes`: cuts at equal cost.
  size_t lane_begin(int64_t lane, int64_t lanes) const;
};

std::shared_ptr<const AttentionPlan> make_attention_plan(const PackedLayout& layout,
                                                         int64_t key_heads, int64_t window,
                                                         int64_t threads);

}  // namespace attune::engine::ops
