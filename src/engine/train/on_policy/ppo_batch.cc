#include "engine/train/on_policy/ppo_batch.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "base/check.h"
#include "engine/objectives/advantages.h"

namespace attune::engine::train {
namespace {

using objectives::KlEstimator;
using objectives::Spans;

Tensor packed(const SampleValues& values) {
  std::vector<float> all;
  for (const std::vector<float>& one : values) all.insert(all.end(), one.begin(), one.end());
  return at::tensor(all, at::kFloat);
}

Spans spans_of(const SampleValues& values) {
  std::vector<int64_t> lengths;
  for (const std::vector<float>& sample : values) {
    lengths.push_back(static_cast<int64_t>(sample.size()));
  }
  return Spans(std::move(lengths));
}

// Whether a sample ended before its limit: only then there is a position behind it.
std::vector<bool> ended_early(const std::vector<Rollout>& rollouts, int64_t response_length) {
  std::vector<bool> early;
  for (const Rollout& rollout : rollouts) {
    for (size_t i = 0; i < rollout.samples.size(); ++i) {
      const auto length = static_cast<int64_t>(rollout.tree.branches[i].ids.size());
      early.push_back(rollout.samples[i].ended && length < response_length);
    }
  }
  return early;
}

Tensor scores_of(const std::vector<Rollout>& rollouts, const PpoOptions& options) {
  std::vector<double> scores;
  std::vector<double> ended;
  for (const Rollout& rollout : rollouts) {
    for (const RolloutSample& sample : rollout.samples) {
      scores.push_back(sample.score);
      ended.push_back(sample.ended ? 1 : 0);
    }
  }
  return objectives::ruled_scores(at::tensor(scores, at::kDouble).to(at::kFloat),
                                  at::tensor(ended, at::kDouble).to(at::kBool), options.eos_rule,
                                  options.reward_clamp);
}

// The values of the positions: of a sample's tokens, and of the one behind where there is one.
Tensor position_values(const SampleValues& values, const Spans& positions) {
  std::vector<float> all;
  for (int64_t s = 0; s < positions.count(); ++s) {
    const std::vector<float>& sample = values[static_cast<size_t>(s)];
    CHECK(static_cast<int64_t>(sample.size()) >= positions.length(s), "{} values for {} positions",
          sample.size(), positions.length(s));
    all.insert(all.end(), sample.begin(), sample.begin() + positions.length(s));
  }
  return at::tensor(all, at::kFloat);
}

double mean_sum(const Tensor& values, double samples) {
  return values.sum().item<double>() / samples;
}

}  // namespace

PpoBatch::PpoBatch(const std::vector<Rollout>& rollouts, const SampleValues& old_log_probs,
                   const Measured& measured, const PpoOptions& options, double beta)
    : tokens_(spans_of(old_log_probs)),
      positions_(objectives::reward_positions(
          tokens_, ended_early(rollouts, options.rollout.response_length),
          options.score_position)),
      old_log_probs_(packed(old_log_probs)),
      old_values_(position_values(measured.values, positions_.positions)) {
  first_sample_.push_back(0);
  for (const Rollout& rollout : rollouts) {
    first_sample_.push_back(first_sample_.back() + static_cast<int64_t>(rollout.samples.size()));
  }
  const Tensor kl = objectives::kl_terms(old_log_probs_, packed(measured.reference),
                                         options.kl_estimator, options.ratio_clamp);
  rewards_ = objectives::token_rewards(kl, scores_of(rollouts, options), beta, positions_);
  Tensor rewards = rewards_;
  if (options.whiten_rewards) {
    rewards = objectives::whiten(rewards, objectives::moments(rewards),
                                 {.unbiased = options.unbiased, .keep_mean = true});
  }
  const objectives::Advantages estimated = objectives::generalised_advantages(
      rewards, old_values_, positions_.positions, options.gamma, options.lambda);
  returns_ = estimated.returns;
  advantages_ = estimated.advantages.index_select(0, positions_.tokens);
  if (options.whiten_advantages) {
    advantages_ = objectives::whiten(advantages_, objectives::moments(advantages_),
                                     {.unbiased = options.unbiased, .keep_mean = false});
  }
}

PpoBatch::Part PpoBatch::part(const std::vector<int64_t>& rollouts,
                              const models::TreeBatch& pass) const {
  const Spans& at = positions_.positions;
  std::vector<Tensor> old, advantages, values, returns;
  Part part;
  int64_t branch = 0;   // of the pass
  int64_t request = 0;  // first of the branch
  for (int64_t rollout : rollouts) {
    const auto i = static_cast<size_t>(rollout);
    for (int64_t s = first_sample_[i]; s < first_sample_[i + 1]; ++s, ++branch) {
      const int64_t length = tokens_.length(s);
      old.push_back(old_log_probs_.narrow(0, tokens_.begin(s), length));
      advantages.push_back(advantages_.narrow(0, tokens_.begin(s), length));
      values.push_back(old_values_.narrow(0, at.begin(s), at.length(s)));
      returns.push_back(returns_.narrow(0, at.begin(s), at.length(s)));
      const auto row = pass.rows.begin() + request;
      part.value_rows.insert(part.value_rows.end(), row, row + length);
      if (at.length(s) > length) {
        part.value_rows.push_back(pass.last_rows[static_cast<size_t>(branch)]);
      }
      request += length;
    }
  }
  part.old_log_probs = at::cat(old);
  part.advantages = at::cat(advantages);
  part.old_values = at::cat(values);
  part.returns = at::cat(returns);
  return part;
}

int64_t PpoBatch::tokens_of(int64_t rollout) const {
  const auto i = static_cast<size_t>(rollout);
  int64_t count = 0;
  for (int64_t s = first_sample_[i]; s < first_sample_[i + 1]; ++s) count += tokens_.length(s);
  return count;
}

int64_t PpoBatch::positions_of(int64_t rollout) const {
  const auto i = static_cast<size_t>(rollout);
  int64_t count = 0;
  for (int64_t s = first_sample_[i]; s < first_sample_[i + 1]; ++s) {
    count += positions_.positions.length(s);
  }
  return count;
}

std::map<std::string, double> rollout_metrics(const std::vector<Rollout>& rollouts,
                                              const SampleValues& log_probs,
                                              const SampleValues& reference,
                                              const PpoOptions& options, double beta) {
  const Tensor policy = packed(log_probs).to(at::kDouble);
  const Tensor ref = packed(reference).to(at::kDouble);
  const auto samples = static_cast<double>(log_probs.size());
  const auto kl = [&](KlEstimator estimator, double clamp) {
    return mean_sum(objectives::kl_terms(policy, ref, estimator, clamp), samples);
  };
  std::map<std::string, double> metrics;
  metrics["objective/kl"] = kl(options.kl_estimator, options.ratio_clamp);
  metrics["objective/kl_k1"] = kl(KlEstimator::kK1, 0);
  metrics["objective/kl_k3"] = kl(KlEstimator::kK3, 0);
  metrics["objective/kl_coef"] = beta;
  metrics["objective/entropy"] = -mean_sum(policy, samples);
  metrics["objective/scores"] = scores_of(rollouts, options).to(at::kDouble).mean().item<double>();
  metrics["objective/non_score_reward"] = -beta * metrics["objective/kl"];
  metrics["objective/rlhf_reward"] =
      metrics["objective/non_score_reward"] + metrics["objective/scores"];
  double ended = 0;
  for (const Rollout& rollout : rollouts) {
    for (const RolloutSample& sample : rollout.samples) ended += sample.ended ? 1 : 0;
  }
  metrics["val/num_eos_tokens"] = ended;
  add_length_metrics(rollouts, &metrics);
  return metrics;
}

}  // namespace attune::engine::train
