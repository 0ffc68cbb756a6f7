// Attention with an online softmax over blocks of keys (the idea of arXiv 2205.14135): scores live
// in a tile of a few rows, only keys that a strip of queries can see are computed, query heads that
// share a key head share its transposed keys, and ancestors' keys are read where they lie.
#include <cmath>

#include "engine/ops/cpu/attention_tiles.h"
#include "engine/ops/cpu/kernel_list.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

// One query head of a task.
struct Head {
  const float* queries;
  float* out;
  float* log_sums;  // stride `heads`; holds the running maximum until the end
  float* sums;      // scratch, [rows]
  int64_t index;
  float slope;      // ALiBi
};

// Turns a row of scores into exponentials and returns their sum; `top` is raised as needed.
float exponentiate(float* scores, const Visible& whole, const Visible& seen, const Head& head,
                   const AttentionProblem& problem, const KeyBlock& block, int64_t position,
                   float* top) {
  fill(scores, whole.low, seen.low, -INFINITY);
  fill(scores, seen.high, whole.high, -INFINITY);
  Vec best = broadcast(-INFINITY);
  for (int64_t i = whole.low; i < whole.high; i += kLanes) {
    Vec z = load(scores + i) * problem.scale;
    if (problem.alibi != nullptr) z += alibi_of(problem, head.slope, block, i, position);
    store(scores + i, z);
    best = maximum(best, z);
  }
  *top = most(*top, maximum_of(best));
  Vec total{};
  for (int64_t i = whole.low; i < whole.high; i += kLanes) {
    const Vec e = exp_of(load(scores + i) - *top);
    store(scores + i, e);
    total += e;
  }
  return sum_of(total);
}

// One strip of queries against one block: out and the running sums take its keys in.
void attend_strip(const AttentionProblem& problem, const AttentionTask& task, const Head& head,
                  const KeyBlock& block, const float* keys_by_column, int64_t first, int64_t rows,
                  float* scores) {
  const int64_t position = task.first_position + first;
  const Visible whole = visible_to_strip(block, position, rows, problem.window);
  if (whole.high == 0) return;
  const int64_t stride = problem.heads * problem.width;
  score_strip(head.queries + first * stride, stride, rows, keys_by_column, whole, problem.width,
              scores);
  for (int64_t r = 0; r < rows; ++r) {
    const Visible seen = visible_keys(block, position + r, problem.window);
    float* row = scores + r * kKeys;
    if (seen.low >= seen.high) {
      fill(row, whole.low, whole.high, 0);
      continue;
    }
    float* running = head.log_sums + (first + r) * problem.heads;
    const float before = *running;
    float top = before;
    const float sum = exponentiate(row, whole, seen, head, problem, block, position + r, &top);
    float& total = head.sums[first + r];
    if (top > before) {
      const float shrink = std::exp(before - top);  // 0 at the first block
      float* out = head.out + (first + r) * stride;
      for (int64_t d = 0; d < problem.width; d += kLanes) store(out + d, load(out + d) * shrink);
      total *= shrink;
      *running = top;
    }
    total += sum;
  }
  const int64_t keys = least(whole.high, block.count) - whole.low;
  const int64_t value_stride = problem.key_heads * problem.width;
  const float* values = problem.v + (block.token + whole.low) * value_stride +
                        task.key_head * problem.width;
  multiply_strip<true>(rows, Left{scores + whole.low, kKeys, 1}, values, value_stride,
                       head.out + first * stride, stride, problem.width, keys);
}

Head head_of(const AttentionProblem& problem, const AttentionTask& task, int64_t index,
             float* sums) {
  const int64_t offset = (task.begin * problem.heads + index) * problem.width;
  return {problem.q + offset, problem.out + offset,
          problem.log_sums + task.begin * problem.heads + index, sums, index,
          problem.alibi == nullptr ? 0.0f : problem.alibi[index]};
}

void start(const AttentionProblem& problem, const AttentionTask& task, const Head& head) {
  for (int64_t r = 0; r < task.rows; ++r) {
    fill(head.out + r * problem.heads * problem.width, 0, problem.width, 0);
    head.log_sums[r * problem.heads] = -INFINITY;
    head.sums[r] = 0;
  }
}

void finish(const AttentionProblem& problem, const AttentionTask& task, const Head& head) {
  for (int64_t r = 0; r < task.rows; ++r) {
    float* out = head.out + r * problem.heads * problem.width;
    const float inverse = 1.0f / head.sums[r];
    for (int64_t d = 0; d < problem.width; d += kLanes) store(out + d, load(out + d) * inverse);
    head.log_sums[r * problem.heads] += std::log(head.sums[r]);
  }
}

}  // namespace

int64_t attention_scratch_floats(int64_t width) {
  // Transposed keys and values, and the larger of (score strip and sums of 32 heads at a time) and
  // the two tiles of the backward pass.
  return 2 * width * kKeys + 2 * kAttentionRowsMax * kKeys + kStrip * kKeys +
         32 * kAttentionRowsMax;
}

void attention(const AttentionProblem& problem, const AttentionTask& task, float* scratch) {
  float* const keys_by_column = scratch;
  float* const scores = keys_by_column + problem.width * kKeys;
  float* const sums = scores + kStrip * kKeys;
  const int64_t group = problem.heads / problem.key_heads;
  constexpr int64_t kHeadsAtOnce = 32;  // their running sums fit the scratch
  for (int64_t base = 0; base < group; base += kHeadsAtOnce) {
    const int64_t count = least(kHeadsAtOnce, group - base);
    const auto head_at = [&](int64_t i) {
      return head_of(problem, task, task.key_head * group + base + i,
                     sums + i * kAttentionRowsMax);
    };
    for (int64_t i = 0; i < count; ++i) start(problem, task, head_at(i));
    each_key_block(problem, task, [&](const KeyBlock& block) {
      const int64_t stride = problem.key_heads * problem.width;
      transpose_keys(problem.k + block.token * stride + task.key_head * problem.width, stride,
                     block, problem.width, keys_by_column);
      for (int64_t i = 0; i < count; ++i) {
        const Head head = head_at(i);
        for (int64_t first = 0; first < task.rows; first += kStrip) {
          attend_strip(problem, task, head, block, keys_by_column, first,
                       least<int64_t>(kStrip, task.rows - first), scores);
        }
      }
    });
    for (int64_t i = 0; i < count; ++i) finish(problem, task, head_at(i));
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
