// Over-optimisation while a policy trains (Gao et al. 2022, arXiv 2210.10760): at every evaluation
// the same held-out answers are judged by the reward that the policy learns from (the proxy) and by
// one that stands for the truth (the gold), beside how far the policy has gone from its reference.
// A run's report draws both over the root of the KL (feedback/over_optimisation.h).
//
//   gold/scores        mean gold reward of an answer
//   gold/scores_error  its standard error, answers taken for independent: too small where a prompt
//                      has several
//   gold/proxy         mean of the answers' scores
//   gold/kl            nats an answer: the mean of log p - log p_ref (k1), as it was sampled
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/comm/communicator.h"
#include "engine/train/on_policy/reward_sources.h"
#include "engine/train/on_policy/rollouts.h"
#include "engine/train/rows/prompt_rows.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {

// The gold reward of a run; nothing where none is named. A run that never evaluates has no use for
// one, and says so.
Result<std::unique_ptr<WeightedRewards>> open_gold(const Json& config, const TrainingRun& run,
                                                   const RewardHost& host,
                                                   size_t evaluation_rows);

// Adds the metrics above. `rollouts` have the scores of the proxy; `sampled` and `reference` are
// log-probs of their samples. Of several ranks each judges its share, and all must call. Errors:
// the gold reward's own, named as such.
Status add_gold_metrics(comm::Communicator* ranks, RewardSource& gold,
                        const std::vector<PromptRow>& prompts, const std::vector<Rollout>& rollouts,
                        const SampleValues& sampled, const SampleValues& reference,
                        std::map<std::string, double>* metrics);

}  // namespace attune::engine::train
