#include "engine/train/on_policy/group_batch.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/std.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace attune::engine::train {
namespace {

using objectives::Spans;

constexpr double kZeroDeviation = 1e-8;  // torch.isclose's absolute tolerance, as TRL

struct Shape {
  Spans groups;   // samples of each prompt
  Spans samples;  // tokens of each sample
};

Shape shape_of(const std::vector<Rollout>& rollouts) {
  std::vector<int64_t> groups;
  std::vector<int64_t> samples;
  for (const Rollout& rollout : rollouts) {
    groups.push_back(static_cast<int64_t>(rollout.samples.size()));
    for (const models::TokenBranch& branch : rollout.tree.branches) {
      samples.push_back(branch.completion_tokens());
    }
  }
  return {Spans(groups), Spans(samples)};
}

Tensor scores_of(const std::vector<Rollout>& rollouts) {
  std::vector<double> scores;
  for (const Rollout& rollout : rollouts) {
    for (const RolloutSample& sample : rollout.samples) scores.push_back(sample.score);
  }
  return at::tensor(scores, at::kDouble);
}

Tensor packed(const SampleValues& values) {
  std::vector<double> all;
  for (const std::vector<float>& sample : values)
    all.insert(all.end(), sample.begin(), sample.end());
  return at::tensor(all, at::kDouble);
}

SampleValues by_sample(const Tensor& values, const Spans& samples) {
  const Tensor dense = values.to(at::kFloat).contiguous();
  const float* value = dense.const_data_ptr<float>();
  SampleValues out;
  for (int64_t i = 0; i < samples.count(); ++i) {
    out.emplace_back(value + samples.begin(i), value + samples.begin(i) + samples.length(i));
  }
  return out;
}

std::vector<double> to_vector(const Tensor& values) {
  const Tensor dense = values.to(at::kDouble).contiguous();
  const double* value = dense.const_data_ptr<double>();
  return {value, value + dense.numel()};
}

void add_reward_metrics(const Tensor& scores, const Tensor& deviations,
                        std::map<std::string, double>* metrics) {
  (*metrics)["reward"] = scores.mean().item<double>();
  (*metrics)["reward_std"] = scores.numel() > 1 ? at::std(scores).item<double>() : 0;
  (*metrics)["frac_reward_zero_std"] =
      (deviations <= kZeroDeviation).to(at::kDouble).mean().item<double>();
}

// The deviation that TRL tests for zero: the whole batch's where that is what rewards are scaled
// by.
Tensor tested_deviations(const Tensor& rewards, const Spans& groups,
                         const GroupSettings& settings) {
  const bool batch = settings.algorithm == GroupAlgorithm::kGrpo &&
                     settings.scale == objectives::RewardScale::kBatch && rewards.numel() > 1;
  return batch ? at::std(rewards).reshape({1}) : objectives::group_deviations(rewards, groups);
}

std::vector<double> rloo(const Tensor& scores, const Shape& shape, const Tensor& kl,
                         const GroupSettings& settings, Tensor* judged) {
  Tensor rewards = scores;
  if (settings.reward_clip) {
    rewards = at::clamp(rewards, settings.reward_clip->first, settings.reward_clip->second);
  }
  if (kl.defined()) rewards = rewards - settings.beta * shape.samples.sums(kl);
  *judged = rewards;
  return to_vector(
      objectives::rloo_advantages(rewards, shape.groups, settings.normalise_advantages));
}

// Advantages of tokens: the score minus what KL costs from here on, whitened over the step.
SampleValues reinforce(const Tensor& scores, const Shape& shape, const Tensor& kl,
                       const GroupSettings& settings) {
  Tensor advantages;
  if (settings.group_baseline) {
    advantages = shape.samples.spread(
        objectives::reinforce_baseline_advantages(scores, shape.groups));
  } else {
    const std::vector<bool> early(static_cast<size_t>(shape.samples.count()), false);
    const auto positions = objectives::reward_positions(shape.samples, early,
                                                        objectives::ScorePosition::kEos);
    const Tensor none = at::zeros({shape.samples.total()}, at::kDouble);
    const Tensor rewards = objectives::token_rewards(kl.defined() ? kl : none, scores,
                                                     settings.beta, positions);
    const Tensor returns =
        objectives::discounted_returns(rewards, shape.samples, settings.gamma);
    advantages = objectives::whiten(returns, objectives::moments(returns), {});
  }
  return by_sample(advantages, shape.samples);
}

// What the losses of an update's samples are divided by, by sample (objectives/group_policy.h).
class Divisors {
 public:
  Divisors(const std::vector<Rollout>& rollouts, const Shape& shape, const GroupSettings& settings)
      : shape_(shape), settings_(settings) {
    for (const Rollout& rollout : rollouts) {
      for (const RolloutSample& sample : rollout.samples) {
        kept_.push_back(sample.ended || !settings.mask_truncated);
      }
    }
  }

  bool kept(int64_t sample) const { return kept_[static_cast<size_t>(sample)]; }

  // Samples [begin, end) are those of one update.
  double of(int64_t sample, int64_t begin, int64_t end) const {
    const auto samples = static_cast<double>(end - begin);
    if (settings_.algorithm == GroupAlgorithm::kRloo) return samples;
    if (settings_.algorithm == GroupAlgorithm::kReinforce) return tokens(begin, end);
    switch (settings_.policy.aggregation) {
      case objectives::Aggregation::kGrpo:
        return samples;
      case objectives::Aggregation::kDrGrpo:
        return samples * static_cast<double>(settings_.policy.max_completion_length);
      case objectives::Aggregation::kDapo:
      case objectives::Aggregation::kCispo:  // of all rollouts, as far as they are this update's
        return tokens(0, shape_.samples.count()) / static_cast<double>(settings_.updates);
      case objectives::Aggregation::kBnpo:
        return of_micro_batch(sample, begin, end);
    }
    return samples;
  }

 private:
  // Tokens that train; at least one, so that nothing is divided by zero.
  double tokens(int64_t begin, int64_t end) const {
    int64_t count = 0;
    for (int64_t i = begin; i < end; ++i) count += kept(i) ? shape_.samples.length(i) : 0;
    return static_cast<double>(std::max<int64_t>(count, 1));
  }

  // Each micro-batch's mean over its own tokens counts the same.
  double of_micro_batch(int64_t sample, int64_t begin, int64_t end) const {
    const int64_t size = settings_.micro_batch;
    const int64_t first = begin + (sample - begin) / size * size;
    const auto batches = static_cast<double>((end - begin + size - 1) / size);
    return batches * tokens(first, std::min(first + size, end));
  }

  const Shape& shape_;
  const GroupSettings& settings_;
  std::vector<bool> kept_;
};

std::vector<double> weights_of(const std::vector<Rollout>& rollouts, const Shape& shape,
                               const GroupSettings& settings) {
  const Divisors divisors(rollouts, shape, settings);
  std::vector<double> weights;
  const auto parts =
      rollouts_of_updates(static_cast<int64_t>(rollouts.size()), settings.updates);
  for (const std::vector<int64_t>& update : parts) {
    const int64_t begin = shape.groups.begin(update.front());
    const int64_t end = shape.groups.begin(update.back()) + shape.groups.length(update.back());
    for (int64_t i = begin; i < end; ++i) {
      weights.push_back(divisors.kept(i) ? 1.0 / divisors.of(i, begin, end) : 0.0);
    }
  }
  return weights;
}

}  // namespace

std::vector<std::vector<int64_t>> rollouts_of_updates(int64_t rollouts, int64_t updates) {
  CHECK(updates > 0 && rollouts >= updates, "{} rollouts for {} updates", rollouts, updates);
  std::vector<std::vector<int64_t>> parts(static_cast<size_t>(updates));
  for (int64_t i = 0; i < rollouts; ++i) {
    parts[static_cast<size_t>(i * updates / rollouts)].push_back(i);
  }
  return parts;
}

GroupBatch make_group_batch(const std::vector<Rollout>& rollouts, const SampleValues& sampled,
                            SampleValues reference, const GroupSettings& settings,
                            std::map<std::string, double>* metrics) {
  const Shape shape = shape_of(rollouts);
  const Tensor scores = scores_of(rollouts);
  const bool kl_in_reward = settings.algorithm != GroupAlgorithm::kGrpo && !settings.group_baseline;
  GroupBatch batch;
  Tensor kl;
  if (!reference.empty()) {
    kl = objectives::kl_terms(packed(sampled), packed(reference), objectives::KlEstimator::kK1);
    batch.kl_per_token = kl.mean().item<double>();
    // Where the KL is a term of the loss, its passes say what it is.
    if (kl_in_reward || !settings.needs_reference()) (*metrics)["kl"] = *batch.kl_per_token;
  }
  if (!kl_in_reward || !settings.needs_reference()) kl = Tensor();
  Tensor judged = scores;
  switch (settings.algorithm) {
    case GroupAlgorithm::kRloo:
      batch.advantages = rloo(scores, shape, kl, settings, &judged);
      break;
    case GroupAlgorithm::kGrpo: {
      objectives::GroupOptions options;
      options.scale = settings.scale;
      batch.advantages = to_vector(objectives::grpo_advantages(scores, shape.groups, options));
      break;
    }
    case GroupAlgorithm::kReinforce:
      batch.token_advantages = reinforce(scores, shape, kl, settings);
      break;
  }
  add_reward_metrics(scores, tested_deviations(judged, shape.groups, settings), metrics);
  for (int64_t p = 0; p < shape.groups.count(); ++p) {
    batch.first_sample.push_back(shape.groups.begin(p));
  }
  batch.first_sample.push_back(shape.groups.total());
  batch.weights = weights_of(rollouts, shape, settings);
  batch.reference = std::move(reference);
  return batch;
}

void add_reward_metrics(const std::vector<Rollout>& rollouts,
                        std::map<std::string, double>* metrics) {
  const Tensor scores = scores_of(rollouts);
  add_reward_metrics(scores, objectives::group_deviations(scores, shape_of(rollouts).groups),
                     metrics);
}

}  // namespace attune::engine::train
