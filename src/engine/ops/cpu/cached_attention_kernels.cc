// Attention of one query over cached keys and values: what decoding does in every layer.
#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

constexpr int kKeys = 8;     // scored side by side: as many independent sums
constexpr int kColumns = 8;  // vectors of the output that stay in registers

template <int kCount>
inline void score_keys(const float* q, const float* keys, int64_t width, float* scores) {
  Vec sums[kCount] = {};
  for (int64_t i = 0; i < width; i += kLanes) {
    const Vec query = load(q + i);
    for (int t = 0; t < kCount; ++t) sums[t] += query * load(keys + t * width + i);
  }
  for (int t = 0; t < kCount; ++t) scores[t] = folded_sum(sums[t]);
}

// Scaled scores of a run's keys, and the largest of them and `best`.
float score_run(const CachedQuery& query, const CachedRun& run, const float* biases, float best,
                float* scores) {
  int64_t t = 0;
  for (; t + kKeys <= run.count; t += kKeys) {
    score_keys<kKeys>(query.q, run.keys + t * query.width, query.width, scores + t);
  }
  for (; t < run.count; ++t) {
    score_keys<1>(query.q, run.keys + t * query.width, query.width, scores + t);
  }
  for (t = 0; t < run.count; ++t) {
    scores[t] = scores[t] * query.scale;
    if (biases != nullptr) scores[t] += biases[t];
    best = most(best, scores[t]);
  }
  return best;
}

// out[0 .. kCount vectors] = sum of weight * value / total
template <int kCount>
void mix_columns(const CachedQuery& query, int64_t column, float total) {
  Vec sums[kCount] = {};
  const float* weight = query.weights;
  for (int64_t r = 0; r < query.run_count; ++r) {
    const CachedRun& run = query.runs[r];
    const float* value = run.values + column;
    for (int64_t t = 0; t < run.count; ++t, value += query.width) {
      const Vec w = broadcast(*weight++);
      for (int i = 0; i < kCount; ++i) sums[i] += w * load(value + i * kLanes);
    }
  }
  for (int i = 0; i < kCount; ++i) store(query.out + column + i * kLanes, sums[i] / total);
}

}  // namespace

void attend_cached(const CachedQuery& query) {
  float best = -__builtin_inff();
  int64_t count = 0;
  for (int64_t r = 0; r < query.run_count; ++r) {
    const float* biases = query.biases == nullptr ? nullptr : query.biases + count;
    best = score_run(query, query.runs[r], biases, best, query.weights + count);
    count += query.runs[r].count;
  }
  for (int64_t t = count; t % kLanes != 0; ++t) query.weights[t] = -__builtin_inff();
  Vec sums{};
  for (int64_t t = 0; t < count; t += kLanes) {
    const Vec weights = exp_of(load(query.weights + t) - best);
    store(query.weights + t, weights);
    sums += weights;
  }
  const float total = folded_sum(sums);
  int64_t column = 0;
  for (; column + kColumns * kLanes <= query.width; column += kColumns * kLanes) {
    mix_columns<kColumns>(query, column, total);
  }
  for (; column < query.width; column += kLanes) mix_columns<1>(query, column, total);
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
