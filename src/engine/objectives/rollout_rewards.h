// From the scores of sampled completions to the rewards of their tokens: KL to the reference, the
// rule for completions without EOS, where the score lands (losses.md §7.1, §7.2). No gradients.
//
// S completions with their N tokens packed (spans.h). Log-probs are the policy's that sampled and
// the reference's, at the sampling temperature.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/objectives/spans.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// Estimators of KL(policy || reference) from the policy's samples, by token, with
// d = log policy - log reference (J. Schulman, "Approximating KL divergence"):
enum class KlEstimator {
  kK1,  // d: unbiased, may be negative
  kK2,  // d^2 / 2: biased, low variance
  kK3,  // e^-d - 1 + d: unbiased, never negative
};
// clamp > 0 first cuts d to [-clamp, clamp] (OpenRLHF: 10). Differentiable in policy: GRPO uses k3
// as a loss. [N].
Tensor kl_terms(const Tensor& policy, const Tensor& reference, KlEstimator estimator,
                double clamp = 0);

// What a completion that did not end (no EOS within its limit) scores.
struct EosRule {
  enum Kind {
    kNone,
    kReplace,   // `value` instead of its score: the N+ paper (arXiv 2403.17031), -1
    kSubtract,  // its score minus `value`: TRL's missing_eos_penalty
  };
  Kind kind = kNone;
  double value = 0;
};
// scores [S], ended [S] bool. clamp > 0 first cuts the scores to [-clamp, clamp].
Tensor ruled_scores(const Tensor& scores, const Tensor& ended, const EosRule& rule,
                    double clamp = 0);

// Where the score lands and which positions have a value. Position t of a completion is the state
// before its token t; the state after its last token is one more.
enum class ScorePosition {
  kEos,         // the last token's position (most)
  kEosPlusOne,  // one later, if the completion ended before its limit: N+ and TRL's PPO. That
                // position has a value but no token: its value is trained, its policy is not
};

// The positions of rewards, values and advantages, N' >= N.
struct RewardPositions {
  Spans positions;
  Tensor tokens;  // [N] int64: the position of each token, among the N'
};
// early [S]: whether the completion ended before its limit. With kEos all positions are tokens.
RewardPositions reward_positions(const Spans& tokens, const std::vector<bool>& early,
                                 ScorePosition at);

// r_t = -beta kl_t, plus the score at the last position of each completion. kl [N], scores [S];
// returns [N']. (The N details article prints +beta kl; its code and every other use -beta.)
Tensor token_rewards(const Tensor& kl, const Tensor& scores, double beta,
                     const RewardPositions& positions);

// How strongly KL is weighed, over the course of a run. Part of a checkpoint.
struct KlController {
  double beta = 0.05;
  std::optional<double> target;  // none: fixed
  double horizon = 10000;

  // After a step of `samples` completions whose mean KL (summed over tokens) was `kl`:
  // beta *= 1 + clip(kl / target - 1, -0.2, 0.2) samples / horizon (Ziegler et al., arXiv
  // 1909.08593). Fixed: nothing.
  void update(double kl, double samples);
};

}  // namespace attune::engine::objectives
