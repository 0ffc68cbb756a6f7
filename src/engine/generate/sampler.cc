#include "engine/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/generate/exponential.h"

namespace attune::engine::generate {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();
constexpr size_t kBlock = 512;  // floats summed in single precision before a double takes over

float maximum(std::span<const float> values) {
  float best = kImpossible;
  const float* v = values.data();
  const size_t count = values.size();
#pragma omp simd reduction(max : best)
  for (size_t i = 0; i < count; ++i) best = v[i] > best ? v[i] : best;
  return best;
}

// sum of e^((v - best) * scale)
double sum_of_exponentials(std::span<const float> values, float best, float scale) {
  double total = 0;
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, values.size() - begin);
    const float* v = values.data() + begin;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; ++i) sum += fast_exp((v[i] - best) * scale);
    total += static_cast<double>(sum);
  }
  return total;
}

// Where `value` is first; values.size() when it is nowhere.
size_t position_of(float value, std::span<const float> values) {
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, values.size() - begin);
    const float* v = values.data() + begin;
    int found = 0;
#pragma omp simd reduction(| : found)
    for (size_t i = 0; i < count; ++i) found |= v[i] == value ? 1 : 0;
    if (found != 0) return begin + static_cast<size_t>(std::find(v, v + count, value) - v);
  }
  return values.size();
}

size_t index(int32_t id) {
  return static_cast<size_t>(id);
}

}  // namespace

Status validate(const SamplingOptions& options) {
  // Written so that a NaN fails.
  if (!(options.temperature > 0)) {
    return invalid_input("temperature is {}; give more than 0, or do_sample false for greedy",
                         options.temperature);
  }
  if (options.top_k < 0) return invalid_input("top_k is {}; give 0 (all) or more", options.top_k);
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return invalid_input("top_p is {}; give more than 0 and at most 1", options.top_p);
  }
  if (!(options.min_p >= 0 && options.min_p <= 1)) {
    return invalid_input("min_p is {}; give a value from 0 to 1", options.min_p);
  }
  if (!(options.repetition_penalty > 0)) {
    return invalid_input("repetition_penalty is {}; give more than 0 (1 means none)",
                         options.repetition_penalty);
  }
  return {};
}

Sampler::Sampler(const SamplingOptions& options, uint64_t stream, uint64_t index,
                 std::span<const int32_t> prompt)
    : options_(options), random_(Random(options.seed, stream).next(), index) {
  if (options_.repetition_penalty != 1.0) seen_.insert(prompt.begin(), prompt.end());
}

void Sampler::adjust(std::span<const float> logits, std::span<const int32_t> banned) {
  scores_.assign(logits.begin(), logits.end());
  const float penalty = static_cast<float>(options_.repetition_penalty);
  for (const int32_t id : seen_) {
    if (index(id) >= scores_.size()) continue;
    float& score = scores_[index(id)];
    score = score < 0 ? score * penalty : score / penalty;
  }
  for (const int32_t id : banned) {
    if (index(id) < scores_.size()) scores_[index(id)] = kImpossible;
  }
}

// Tokens below (1 - top_p) / V of the mass are together less than 1 - top_p and go first, so that
// only the rest has to be sorted.
void Sampler::keep_top_p(double total) {
  const double drop_below = (1.0 - options_.top_p) * total / static_cast<double>(kept_.size());
  std::erase_if(kept_, [&](const Candidate& candidate) {
    return static_cast<double>(candidate.weight) < drop_below;
  });
  std::stable_sort(kept_.begin(), kept_.end(), [](const Candidate& a, const Candidate& b) {
    return a.weight > b.weight;
  });
  double mass = 0;
  size_t count = 0;
  while (count < kept_.size() && mass < options_.top_p * total) {
    mass += static_cast<double>(kept_[count++].weight);
  }
  kept_.resize(std::max<size_t>(count, 1));
}

int32_t Sampler::draw() {
  const float scale = static_cast<float>(1.0 / options_.temperature);
  const float best = maximum(scores_);
  float threshold = kImpossible;
  const auto top_k = static_cast<size_t>(options_.top_k);
  if (top_k > 0 && top_k < scores_.size()) {
    std::vector<float> order(scores_);
    const auto kth = order.begin() + options_.top_k - 1;
    std::nth_element(order.begin(), kth, order.end(), std::greater<>());
    threshold = *kth;
  }
  kept_.clear();
  double total = 0;
  for (size_t i = 0; i < scores_.size(); ++i) {
    if (scores_[i] < threshold || scores_[i] == kImpossible) continue;
    const float score = (scores_[i] - best) * scale;
    kept_.push_back({static_cast<int32_t>(i), fast_exp(score)});
    total += static_cast<double>(kept_.back().weight);
  }
  if (kept_.empty()) return 0;  // no logit is a number; the log-probability says so
  if (options_.top_p < 1.0) keep_top_p(total);
  if (options_.min_p > 0) {
    std::erase_if(kept_, [&](const Candidate& c) {
      return static_cast<double>(c.weight) < options_.min_p;
    });
  }
  total = 0;
  for (const Candidate& candidate : kept_) total += static_cast<double>(candidate.weight);
  double left = random_.uniform() * total;
  for (const Candidate& candidate : kept_) {
    left -= static_cast<double>(candidate.weight);
    if (left < 0) return candidate.id;
  }
  return kept_.back().id;
}

SampledToken Sampler::next(std::span<const float> logits, std::span<const int32_t> banned) {
  const bool plain = seen_.empty() && banned.empty();
  SampledToken token;
  const float best = maximum(logits);
  if (!plain || options_.do_sample) adjust(logits, banned);
  if (options_.do_sample) {
    token.id = draw();
  } else {
    const std::span<const float> scores = plain ? logits : std::span<const float>(scores_);
    const size_t found = position_of(plain ? best : maximum(scores), scores);
    token.id = found == scores.size() ? 0 : static_cast<int32_t>(found);
  }
  const float scale = options_.do_sample ? static_cast<float>(1.0 / options_.temperature) : 1.0f;
  const double log_total = std::log(sum_of_exponentials(logits, best, scale));
  const float chosen = (logits[index(token.id)] - best) * scale;
  token.log_prob = static_cast<float>(static_cast<double>(chosen) - log_total);
  if (options_.repetition_penalty != 1.0) seen_.insert(token.id);
  return token;
}

}  // namespace attune::engine::generate
