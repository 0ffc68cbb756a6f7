// The policy losses of GRPO and its kin, and of RLOO (losses.md §8): clipped importance ratios of
// tokens or of whole sequences, and how tokens add up to a loss. S completions, N packed tokens.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/objectives/spans.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// TRL's loss_type: how the token losses of a completion add up and what a step divides by. The
// step's loss is the sum of PolicyLosses::loss over the sum of PolicyLosses::units.
enum class Aggregation {
  kGrpo,    // "grpo": mean over the completion's tokens; divided by completions (the paper)
  kDapo,    // "dapo": sum; divided by all tokens of the step (arXiv 2503.14476)
  kBnpo,    // "bnpo": the same over TRL's per-device batch: the caller divides each such batch by
            // its own tokens and takes the mean
  kDrGrpo,  // "dr_grpo": sum; divided by completions x max_completion_length (arXiv 2503.20783)
  kCispo,   // "cispo": dapo's division of -sg(min(rho, high)) A log p (arXiv 2506.13585); here
            // clip_high is the bound itself, not its distance from 1
};
const char* to_string(Aggregation aggregation);
Result<Aggregation> parse_aggregation(std::string_view name);

enum class ImportanceLevel {
  kToken,     // "token": rho_t = e^(new_t - old_t)
  kSequence,  // "sequence": e^(mean over tokens of new - old), GSPO, arXiv 2507.18071
};

struct GroupPolicyOptions {
  Aggregation aggregation = Aggregation::kDapo;
  ImportanceLevel level = ImportanceLevel::kToken;
  double clip_low = 0.2, clip_high = 0.2;  // TRL's epsilon, epsilon_high
  double ratio_cap = 0;                    // > 0: TRL's delta, a cap on the unclipped ratio
  double beta = 0;                         // weight of the k3 term, which needs reference log-probs
  bool weighted_kl = false;  // TRL's use_bias_correction_kl: the k3 term times the ratio, so that
                             // its gradient is that of the KL (arXiv 2512.02556)
  int64_t max_completion_length = 0;       // for kDrGrpo
};

struct GroupTokens {
  Tensor log_probs;   // [N], differentiable
  Tensor old;         // [N] of the policy that sampled; undefined: the present one (ratio 1)
  Tensor reference;   // [N], for beta > 0
  Tensor correction;  // [N] importance_correction's weights; undefined: 1
  Tensor advantages;  // [S]
};

struct PolicyLosses {
  Tensor loss;   // [S], differentiable
  Tensor units;  // [S] double, see Aggregation
  // Without gradient, [N] ([S] of rloo_losses); TRL's clip_ratio/low_mean, high_mean and kl are
  // their means over the step's tokens (of level kSequence: over its completions).
  Tensor clipped_low, clipped_high;
  Tensor kl;  // undefined without beta
};

// loss_t = -min(rho A, clip(rho, 1 - low, 1 + high) A), times the correction, plus beta k3.
PolicyLosses group_policy_losses(const GroupTokens& tokens, const Spans& spans,
                                 const GroupPolicyOptions& options);

// RLOO (TRL): the ratio of whole sequences, rho = e^(sum of new - old): -min(rho A, clip(rho) A);
// units are completions.
PolicyLosses rloo_losses(const GroupTokens& tokens, const Spans& spans, double clip_low,
                         double clip_high);

// Rollouts from another numeric path than training (quantised weights, another engine): weights
// w = policy / sampler, by token or by whole completion, made safe (TRL's
// vllm_importance_sampling_mode and clip_max; its defaults are sequence_mask and 3).
struct ImportanceCorrection {
  ImportanceLevel level = ImportanceLevel::kSequence;  // here the sum over tokens, not the mean
  bool masked = true;  // true: w = 0 outside [low, high]; false: truncated, w clipped to them
  double low = 0, high = 3;
};
// policy and sampler [N]: log-probs of the same tokens. [N], without gradient.
Tensor importance_correction(const Tensor& policy, const Tensor& sampler, const Spans& spans,
                             const ImportanceCorrection& correction);

}  // namespace attune::engine::objectives
