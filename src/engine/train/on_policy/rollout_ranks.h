// Rollouts by several ranks (comm/): each answers and judges its share of a step's prompts, and
// asks the networks about the answers of that share. What it finds goes to all, so that every rank
// has the whole step, in the order of the prompts, and computes what needs all of it (whitening,
// baselines, controllers, metrics) from the same numbers. Samples do not depend on the number of
// ranks (rollouts.h), and no answer is made or judged twice.
//
// `ranks` null or of one process: nothing is exchanged. An error on one rank is the error of all.
// All ranks call these functions alike; LibTorch's exceptions become errors here.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/comm/communicator.h"
#include "engine/train/on_policy/reward_source.h"
#include "engine/train/on_policy/rollouts.h"

namespace attune::engine::train {

struct Answers {
  std::vector<Rollout> rollouts;          // of all rows
  std::map<std::string, double> metrics;  // of the reward's parts
};

// The rollouts of a share of the step's rows, in their order.
using ShareFunction = std::function<Result<std::vector<Rollout>>(const RowShare&)>;

// `reward` null: the answers are not judged.
Result<Answers> answer_together(comm::Communicator* ranks, const std::vector<PromptRow>& prompts,
                                const ShareFunction& answer, RewardSource* reward);

// Several kinds of values of some rollouts' samples; a kind may be empty as a whole.
using KindsOfValues = std::vector<SampleValues>;

// `compute` for all rollouts, which every rank calls for its share.
Result<KindsOfValues> compute_together(
    comm::Communicator* ranks, const std::vector<Rollout>& rollouts,
    const std::function<KindsOfValues(const std::vector<Rollout>&)>& compute);

// rollout_log_probs() of all rollouts.
Result<SampleValues> log_probs_together(comm::Communicator* ranks, models::Decoder& decoder,
                                        const std::vector<Rollout>& rollouts,
                                        const RolloutForward& forward);

}  // namespace attune::engine::train
