// Backward pass of attention_kernels.cc: scores are computed again block by block from the saved
// log sums. With P the probabilities and D = sum(d_out * out) per row:
//   d_v = P' d_out,  d_P = d_out v',  d_S = P * (d_P - D) * scale,  d_q = d_S k,  d_k = d_S' q.
#include <cmath>

#include "engine/ops/cpu/attention_tiles.h"
#include "engine/ops/cpu/kernel_list.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

// Tiles of one query head against one block of keys.
struct Tiles {
  float* keys_by_column;
  float* values_by_column;
  float* p;    // [rows, kKeys] probabilities
  float* d_s;  // [rows, kKeys]
};

struct HeadRows {
  const float* queries;
  const float* d_out;
  float* d_q;
  const float* log_sums;
  const float* delta;
  float slope;
};

HeadRows rows_of(const AttentionProblem& problem, const AttentionTask& task, int64_t index) {
  const int64_t row = task.begin * problem.heads + index;
  const float slope = problem.alibi == nullptr ? 0.0f : problem.alibi[index];
  const int64_t first = row * problem.width;
  return {problem.q + first,      problem.d_out + first, problem.d_q + first,
          problem.log_sums + row, problem.delta + row,   slope};
}

// p and d_s of one row, whose raw scores and d_p they hold on entry; 0 where a key is not seen.
void differentiate_row(const AttentionProblem& problem, const HeadRows& head, const KeyBlock& block,
                       int64_t row, int64_t position, const Visible& whole, float* p, float* d_s) {
  const Visible seen = visible_keys(block, position, problem.window);
  const float log_sum = head.log_sums[row * problem.heads];
  const float delta = head.delta[row * problem.heads];
  for (int64_t i = whole.low; i < whole.high; i += kLanes) {
    Vec z = load(p + i) * problem.scale - log_sum;
    if (problem.alibi != nullptr) z += alibi_of(problem, head.slope, block, i, position);
    const Vec probability = exp_of(z);
    store(p + i, probability);
    store(d_s + i, probability * (load(d_s + i) - delta) * problem.scale);
  }
  const int64_t low = least(seen.low, kKeys), high = most<int64_t>(seen.high, 0);
  fill(p, 0, low, 0);
  fill(p, high, kKeys, 0);
  fill(d_s, 0, low, 0);
  fill(d_s, high, kKeys, 0);
}

// Fills both tiles for all rows of the task and adds to d_q.
void query_side(const AttentionProblem& problem, const AttentionTask& task, const HeadRows& head,
                const KeyBlock& block, const Tiles& tiles) {
  const int64_t stride = problem.heads * problem.width;
  const int64_t key_stride = problem.key_heads * problem.width;
  const float* keys = problem.k + block.token * key_stride + task.key_head * problem.width;
  for (int64_t first = 0; first < task.rows; first += kStrip) {
    const int64_t rows = least<int64_t>(kStrip, task.rows - first);
    const int64_t position = task.first_position + first;
    float* p = tiles.p + first * kKeys;
    float* d_s = tiles.d_s + first * kKeys;
    const Visible whole = visible_to_strip(block, position, rows, problem.window);
    if (whole.high == 0) {
      fill(p, 0, rows * kKeys, 0);
      fill(d_s, 0, rows * kKeys, 0);
      continue;
    }
    score_strip(head.queries + first * stride, stride, rows, tiles.keys_by_column, whole,
                problem.width, p);
    score_strip(head.d_out + first * stride, stride, rows, tiles.values_by_column, whole,
                problem.width, d_s);
    for (int64_t r = 0; r < rows; ++r) {
      differentiate_row(problem, head, block, first + r, position + r, whole, p + r * kKeys,
                        d_s + r * kKeys);
    }
    const int64_t count = least(whole.high, block.count) - whole.low;
    multiply_strip<true>(rows, Left{d_s + whole.low, kKeys, 1}, keys + whole.low * key_stride,
                         key_stride, head.d_q + first * stride, stride, problem.width, count);
  }
}

// Adds to d_k and d_v from the tiles; only rows that see a strip of keys take part.
void key_side(const AttentionProblem& problem, const AttentionTask& task, const HeadRows& head,
              const KeyBlock& block, const Tiles& tiles, const KeyGradients& gradients) {
  const int64_t stride = problem.heads * problem.width;
  const int64_t offset = (block.token - gradients.first_token) * gradients.stride;
  for (int64_t key = 0; key < block.count; key += kStrip) {
    const int64_t keys = least<int64_t>(kStrip, block.count - key);
    const int64_t from = most<int64_t>(0, block.position + key - task.first_position);
    int64_t to = task.rows;
    if (problem.window > 0) {
      to = least(to, block.position + key + keys - 1 + problem.window - task.first_position);
    }
    if (from >= to) continue;
    const int64_t at = offset + key * gradients.stride;
    multiply_strip<true>(keys, Left{tiles.p + from * kKeys + key, 1, kKeys},
                         head.d_out + from * stride, stride, gradients.d_v + at, gradients.stride,
                         problem.width, to - from);
    multiply_strip<true>(keys, Left{tiles.d_s + from * kKeys + key, 1, kKeys},
                         head.queries + from * stride, stride, gradients.d_k + at,
                         gradients.stride, problem.width, to - from);
  }
}

}  // namespace

void attention_backward(const AttentionProblem& problem, const AttentionTask& task,
                        const KeyGradients& gradients, float* scratch) {
  const int64_t tile = problem.width * kKeys;
  const Tiles tiles{scratch, scratch + tile, scratch + 2 * tile,
                    scratch + 2 * tile + kAttentionRowsMax * kKeys};
  const int64_t group = problem.heads / problem.key_heads;
  const int64_t key_stride = problem.key_heads * problem.width;
  for (int64_t h = 0; h < group; ++h) {
    const HeadRows head = rows_of(problem, task, task.key_head * group + h);
    for (int64_t r = 0; r < task.rows; ++r) {
      fill(head.d_q + r * problem.heads * problem.width, 0, problem.width, 0);
    }
  }
  each_key_block(problem, task, [&](const KeyBlock& block) {
    const int64_t offset = block.token * key_stride + task.key_head * problem.width;
    transpose_keys(problem.k + offset, key_stride, block, problem.width, tiles.keys_by_column);
    transpose_keys(problem.v + offset, key_stride, block, problem.width, tiles.values_by_column);
    for (int64_t h = 0; h < group; ++h) {
      const HeadRows head = rows_of(problem, task, task.key_head * group + h);
      query_side(problem, task, head, block, tiles);
      key_side(problem, task, head, block, tiles, gradients);
    }
  });
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
