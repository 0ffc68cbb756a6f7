// From the rollouts of a step to what its updates need: advantages from several samples of a
// prompt, without a value model (losses.md §8). RLOO, GRPO and REINFORCE++ differ here and in their
// loss (group_method.h), and in nothing else.
//
// Letters: P prompts of a step, C samples of all of them, in the order of prompts.
// Plain data; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/objectives/policy_gradient.h"
#include "engine/train/on_policy/rollouts.h"

namespace attune::engine::train {

enum class GroupAlgorithm {
  kRloo,       // arXiv 2402.14740: leave-one-out baseline, ratio of sequences, KL in the reward
  kGrpo,       // arXiv 2402.03300 and its kin: mean and deviation of the group, KL in the loss
  kReinforce,  // arXiv 2501.03262: no groups, KL in the tokens' rewards, whitened over the step
};

struct GroupSettings {
  GroupAlgorithm algorithm = GroupAlgorithm::kGrpo;
  // Of the policy loss; `beta` is the k3 term's and stays 0 where KL is part of the reward.
  objectives::GroupPolicyOptions policy;
  double beta = 0;                                  // weight of KL, wherever it goes
  objectives::RewardScale scale = objectives::RewardScale::kGroup;  // GRPO's scale_rewards
  bool normalise_advantages = false;                // RLOO's normalize_advantages
  std::optional<std::pair<double, double>> reward_clip;  // RLOO's reward_clip_range
  bool group_baseline = false;  // REINFORCE++: minus the group's mean; KL is then a k2 loss
  double gamma = 1;             // REINFORCE++
  bool mask_truncated = false;  // samples without an end teach nothing
  int64_t updates = 1;          // of one pass over the rollouts, each of as many prompts
  int64_t micro_batch = 8;      // samples; TRL's per-device batch, which bnpo averages over

  bool needs_reference() const { return beta != 0; }
};

struct GroupBatch {
  std::vector<int64_t> first_sample;  // [P + 1]
  std::vector<double> advantages;     // [C]; not REINFORCE++'s
  SampleValues token_advantages;      // [C]; REINFORCE++'s
  SampleValues old;  // [C] under the policy that sampled; empty: one update, ratio 1
  SampleValues reference;             // [C]; empty where none was asked
  std::optional<double> kl_per_token = {};  // to the reference, k1
  // What a sample's loss is multiplied by in the update that it belongs to; 0: it is left out.
  std::vector<double> weights;        // [C]
};

// The rollouts of each update: equal parts of the prompts, in order.
std::vector<std::vector<int64_t>> rollouts_of_updates(int64_t rollouts, int64_t updates);

// Scored rollouts; `sampled` is the policy's log-probs of them [C], `reference` the
// reference's, empty where none was asked. Adds TRL's metrics: reward, reward_std,
// frac_reward_zero_std, and kl where it is known and no term of the loss.
GroupBatch make_group_batch(const std::vector<Rollout>& rollouts, const SampleValues& sampled,
                            SampleValues reference, const GroupSettings& settings,
                            std::map<std::string, double>* metrics);

// reward, reward_std and frac_reward_zero_std alone, of an evaluation.
void add_reward_metrics(const std::vector<Rollout>& rollouts,
                        std::map<std::string, double>* metrics);

}  // namespace attune::engine::train
