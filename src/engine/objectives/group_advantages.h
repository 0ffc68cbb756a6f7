// Advantages without a value model, from the rewards of several completions of one prompt
// (losses.md §8). No gradients. rewards [S]; the completions of a prompt stand together: `groups`
// has one span for each prompt. Where completions also lie on other ranks, gather rewards first.
//
// A reward must be a finite number: what cannot be scored is dropped, and its group's span made
// shorter, before this. A group of one teaches nothing: its advantages are 0 (RLOO, GRPO).
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/objectives/spans.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// RLOO (arXiv 2402.14740): A_i = r_i - mean of the others of its group. The KL penalty is part of
// the reward: r = score - beta sum_t (log policy - log reference). `normalise` (TRL's
// normalize_advantages): (A - mean) / (std + 1e-4) over all, std unbiased.
Tensor rloo_advantages(const Tensor& rewards, const Spans& groups, bool normalise = false);

// GRPO (arXiv 2402.03300): A = (r - mean of its group) / (std + 1e-4).
enum class RewardScale {
  kGroup,  // "group": std of the group (the paper)
  kBatch,  // "batch": std of all rewards (arXiv 2508.08221)
  kNone,   // "none": not divided (Dr. GRPO, arXiv 2503.20783)
};
Result<RewardScale> parse_reward_scale(std::string_view name);

struct GroupOptions {
  RewardScale scale = RewardScale::kGroup;
  bool unbiased = true;  // std over n - 1 (torch, TRL) or over n
  double epsilon = 1e-4;
};
Tensor grpo_advantages(const Tensor& rewards, const Spans& groups, const GroupOptions& = {});

// Each group's standard deviation, [groups]: 0 where all rewards are equal, which is TRL's
// frac_reward_zero_std.
Tensor group_deviations(const Tensor& rewards, const Spans& groups, bool unbiased = true);

// REINFORCE++ with baseline (arXiv 2501.03262): A = r - mean of its group, then (A - mean) / std
// over all, std of the A themselves (GRPO's `batch` divides by that of the rewards). REINFORCE++
// proper has no groups: whiten discounted_returns (advantages.h) over all tokens of the step.
Tensor reinforce_baseline_advantages(const Tensor& rewards, const Spans& groups,
                                     bool unbiased = true);

}  // namespace attune::engine::objectives
