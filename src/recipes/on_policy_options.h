// Groups of options that the on-policy trainers share.
#pragma once

#include <vector>

#include "recipes/option.h"

namespace attune::recipes {

// reward_model_path, reward_command, reward_weights, reward_timeout_ms, and what stands for the
// truth in evaluations: gold_reward_model, gold_reward_command.
std::vector<Option> reward_options();

// kl_limit, of methods that measure their distance from a reference.
Option kl_limit_option();

// How answers are sampled while training, with TRL's names and defaults.
std::vector<Option> sampling_options_of_training();

// The tables of RLOO and GRPO in TRL have these besides; the engine samples itself.
std::vector<Option> published_rollout_options();

}  // namespace attune::recipes
