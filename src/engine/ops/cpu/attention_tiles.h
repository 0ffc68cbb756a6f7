// What the forward and backward attention kernels share: blocks of keys, what a query sees of one,
// and keys or values laid out for products. Included by kernel sources only.
#pragma once

#include "engine/ops/cpu/kernels.h"
#include "engine/ops/cpu/micro_gemm.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

inline constexpr int64_t kKeys = 64;  // keys a block; also the row stride of score tiles

// Keys [token, token + count) at positions from `position`; count <= kKeys.
struct KeyBlock {
  int64_t token = 0;
  int64_t position = 0;
  int64_t count = 0;

  int64_t padded() const { return (count + kLanes - 1) / kLanes * kLanes; }
};

// The keys [low, high) of a block that the query at `position` sees; empty when low >= high.
struct Visible {
  int64_t low = 0;
  int64_t high = 0;
};

static inline Visible visible_keys(const KeyBlock& block, int64_t position, int64_t window) {
  Visible seen{0, least(block.count, position + 1 - block.position)};
  if (window > 0) seen.low = most<int64_t>(0, position + 1 - window - block.position);
  return seen;
}

// Keys that some row of the strip of `rows` queries from `position` sees, as whole vectors.
static inline Visible visible_to_strip(const KeyBlock& block, int64_t position, int64_t rows,
                                       int64_t window) {
  Visible seen{visible_keys(block, position, window).low / kLanes * kLanes,
               visible_keys(block, position + rows - 1, window).high};
  if (seen.high <= seen.low) return {0, 0};
  seen.high = (seen.high + kLanes - 1) / kLanes * kLanes;
  return seen;
}

// Calls body(block) for each block of keys that a query of the task may see.
template <typename Body>
static inline void each_key_block(const AttentionProblem& problem, const AttentionTask& task,
                                  const Body& body) {
  const int64_t last_position = task.first_position + task.rows - 1;
  for (int64_t r = 0; r < task.range_count; ++r) {
    const KeyRange& range = task.ranges[r];
    for (int64_t at = 0; at < range.length; at += kKeys) {
      const KeyBlock block{range.begin + at, range.first_position + at,
                           least(kKeys, range.length - at)};
      if (block.position > last_position) return;
      const int64_t last_key = block.position + block.count - 1;
      if (problem.window > 0 && last_key <= task.first_position - problem.window) continue;
      body(block);
    }
  }
}

// Rows of keys (or values) of one head to columns: out[d * kKeys + key]; missing keys become 0.
static inline void transpose_keys(const float* rows, int64_t stride, const KeyBlock& block,
                                  int64_t width, float* out) {
  for (int64_t key = 0; key < block.count; ++key) {
    const float* row = rows + key * stride;
    for (int64_t d = 0; d < width; ++d) out[d * kKeys + key] = row[d];
  }
  for (int64_t d = 0; d < width; ++d) {
    for (int64_t key = block.count; key < block.padded(); ++key) out[d * kKeys + key] = 0;
  }
}

// Scores of a strip of queries against a block's seen keys: rows of kKeys floats.
static inline void score_strip(const float* queries, int64_t stride, int64_t rows,
                               const float* keys_by_column, const Visible& seen, int64_t width,
                               float* scores) {
  multiply_strip<false>(rows, Left{queries, stride, 1}, keys_by_column + seen.low, kKeys,
                        scores + seen.low, kKeys, seen.high - seen.low, width);
}

static inline void fill(float* p, int64_t from, int64_t to, float value) {
  for (int64_t i = from; i < to; ++i) p[i] = value;
}

// What ALiBi adds to the scores of the query at `position` for the keys from `at`.
static inline Vec alibi_of(const AttentionProblem& problem, float slope, const KeyBlock& block,
                           int64_t at, int64_t position) {
  Vec keys;
  for (int i = 0; i < kLanes; ++i) keys[i] = static_cast<float>(block.position + at + i);
  const Vec query = broadcast(static_cast<float>(position));
  const Vec of_keys = round_to_bf16(round_to_bf16(keys) * slope);
  const Vec of_query = round_to_bf16(round_to_bf16(query) * slope);
  return (of_keys - of_query) * problem.alibi_scale;
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
