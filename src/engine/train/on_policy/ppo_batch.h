// The numbers that a PPO step learns from, fixed before its first update: per-token rewards,
// advantages and returns of all rollouts (losses.md §7.1), and what the step's line says of them
// under TRL's names.
//
// N tokens of all samples; N' positions: tokens, and where the score lands behind an answer that
// ended early, one more (objectives/rollout_rewards.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/models/token_tree.h"
#include "engine/objectives/rollout_rewards.h"
#include "engine/objectives/spans.h"
#include "engine/tensor/tensor.h"
#include "engine/train/on_policy/ppo_options.h"
#include "engine/train/on_policy/ppo_roles.h"
#include "engine/train/on_policy/rollouts.h"

namespace attune::engine::train {

class PpoBatch {
 public:
  PpoBatch() : tokens_({}), positions_{objectives::Spans({}), {}} {}
  // `old_log_probs` of the policy that sampled, `beta` the KL coefficient of this step.
  PpoBatch(const std::vector<Rollout>& rollouts, const SampleValues& old_log_probs,
           const Measured& measured, const PpoOptions& options, double beta);

  // What one pass over some rollouts learns from, in their order.
  struct Part {
    Tensor old_log_probs;  // [n]
    Tensor advantages;     // [n]
    Tensor old_values;     // [n']
    Tensor returns;        // [n']
    std::vector<int64_t> value_rows;  // [n'] packed row whose state each value is of
  };
  // `pass` holds the trees of `rollouts` in this order, with scores.
  Part part(const std::vector<int64_t>& rollouts, const models::TreeBatch& pass) const;

  int64_t tokens_of(int64_t rollout) const;     // of its samples
  int64_t positions_of(int64_t rollout) const;

  const Tensor& rewards() const { return rewards_; }        // [N'], before whitening
  const Tensor& advantages() const { return advantages_; }  // [N]
  const Tensor& returns() const { return returns_; }        // [N']

 private:
  std::vector<int64_t> first_sample_;  // by rollout, and one past the last
  objectives::Spans tokens_;
  objectives::RewardPositions positions_;
  Tensor old_log_probs_, old_values_, rewards_, advantages_, returns_;
};

// objective/kl (by the chosen estimator), kl_k1, kl_k3, entropy, non_score_reward, rlhf_reward,
// scores, and val/num_eos_tokens: means over samples of sums over tokens. TRL's objective/entropy
// also subtracts 1 for each pad; this one does not.
std::map<std::string, double> rollout_metrics(const std::vector<Rollout>& rollouts,
                                              const SampleValues& log_probs,
                                              const SampleValues& reference,
                                              const PpoOptions& options, double beta);

}  // namespace attune::engine::train
