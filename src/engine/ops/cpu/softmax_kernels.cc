// Softmax over a vocabulary: a row is read from memory once for its maximum and sum (in blocks that
// stay in the first-level cache), and once more for the gradient that replaces it.
#include <cmath>

#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

constexpr int64_t kBlock = 2048;  // floats: 8 KiB

// Of z = slope * logits: maximum m, sum of exp(z - m), and sum of exp(z - m) * (z - m).
struct RowSums {
  float maximum = -INFINITY;
  float sum = 0;
  float weighted = 0;
};

void add_block(const float* x, int64_t count, float slope, bool want_weighted, RowSums& sums) {
  const int64_t whole = count / kLanes * kLanes;
  Vec best = broadcast(-INFINITY);
  for (int64_t i = 0; i < whole; i += kLanes) best = maximum(best, load(x + i) * slope);
  float top = maximum_of(best);
  for (int64_t i = whole; i < count; ++i) top = most(top, x[i] * slope);
  if (top > sums.maximum) {
    if (sums.sum > 0) {
      const float step = sums.maximum - top, shrink = std::exp(step);
      sums.weighted = (sums.weighted + sums.sum * step) * shrink;
      sums.sum *= shrink;
    }
    sums.maximum = top;
  }
  if (sums.maximum == -INFINITY) return;
  Vec total{}, weighted{};
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Vec z = load(x + i) * slope - sums.maximum;
    const Vec e = exp_of(z);
    total += e;
    if (want_weighted) weighted += e * maximum(z, broadcast(-1e30f));  // not 0 * -inf
  }
  sums.sum += sum_of(total);
  sums.weighted += sum_of(weighted);
  for (int64_t i = whole; i < count; ++i) {
    const float z = x[i] * slope - sums.maximum, e = std::exp(z);
    sums.sum += e;
    sums.weighted += e * most(z, -1e30f);
  }
}

// Whether x[target] is the first of the largest elements.
bool is_first_maximum(const float* x, int64_t target, float slope, float maximum_value) {
  if (x[target] * slope != maximum_value) return false;
  for (int64_t i = 0; i < target; ++i) {
    if (x[i] * slope == maximum_value) return false;
  }
  return true;
}

void replace_by_gradient(float* x, int64_t count, int64_t target, float slope, float log_sum,
                         float weight) {
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    store(x + i, exp_of(load(x + i) * slope - log_sum) * weight);
  }
  for (int64_t i = whole; i < count; ++i) x[i] = std::exp(x[i] * slope - log_sum) * weight;
  x[target] -= weight;
}

}  // namespace

void softmax_rows(const SoftmaxRows& job, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    float* x = job.logits + r * job.columns;
    const int64_t target = job.targets[r];
    RowSums sums;
    for (int64_t i = 0; i < job.columns; i += kBlock) {
      add_block(x + i, least(kBlock, job.columns - i), job.slope, job.entropy != nullptr, sums);
    }
    const float log_sum = sums.maximum + std::log(sums.sum);
    job.log_probs[r] = x[target] * job.slope - log_sum;
    if (job.entropy != nullptr) job.entropy[r] = std::log(sums.sum) - sums.weighted / sums.sum;
    if (job.correct != nullptr) {
      job.correct[r] = is_first_maximum(x, target, job.slope, sums.maximum);
    }
    if (job.row_weights != nullptr) {
      replace_by_gradient(x, job.columns, target, job.slope, log_sum,
                          job.row_weights[r] * job.slope);
    }
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
