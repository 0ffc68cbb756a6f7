// What a PPO run can choose (losses.md §7.5). Names of options are TRL's (PPOConfig of
// trl.experimental) where it has them; recipes/ppo.cc has the table and the presets.
#pragma once

#include <cstdint>
#include <optional>

#include "base/json.h"
#include "base/result.h"
#include "engine/objectives/rollout_rewards.h"
#include "engine/train/on_policy/rollouts.h"

namespace attune::engine::train {

struct PpoOptions {
  RolloutOptions rollout;           // temperature, response_length, ...; the run adds ids and stack
  bool recompute_log_probs = true;  // of the rollout, by the training path; false: as captured
  int64_t scoring_tokens = 2048;    // of a pass without gradient

  // Rewards of tokens.
  objectives::KlEstimator kl_estimator = objectives::KlEstimator::kK1;
  objectives::KlController kl;      // beta is kl_coef at the start
  objectives::EosRule eos_rule;
  objectives::ScorePosition score_position = objectives::ScorePosition::kEosPlusOne;
  double reward_clamp = 0;          // scores to [-c, c]; 0: none
  double ratio_clamp = 0;           // log-ratios to the reference to [-c, c]; 0: none
  std::optional<double> kl_limit;   // nats a token: a mean above it ends the run

  // Advantages.
  bool whiten_rewards = false;      // scale only
  bool whiten_advantages = true;
  bool unbiased = true;             // variance divided by n - 1
  double gamma = 1.0;
  double lambda = 0.95;

  // Updates.
  double clip_range = 0.2;
  double clip_range_value = 0.2;
  double value_weight = 0.1;        // vf_coef
  int64_t epochs = 4;               // num_ppo_epochs
  int64_t minibatches = 1;          // num_mini_batches: updates of an epoch
  std::optional<double> target_kl;  // approxkl above it leaves out the step's other updates

  // Beside the objective.
  double ptx_weight = 0;            // ptx_coefficient: of the pretraining log-likelihood
  int64_t ptx_rows = 8;             // ptx_rows_per_episode
  double ema = 0;                   // decay of the averaged weights by step; 0: none
};

// Reads a resolved configuration; absent keys have the defaults above. Errors name the key.
Result<PpoOptions> read_ppo_options(const Json& config);

}  // namespace attune::engine::train
