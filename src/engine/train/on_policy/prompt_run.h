// What every run_*.cc of an on-policy method begins with: prompts with their reports, and how
// answers are sampled.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "engine/train/on_policy/reward_sources.h"
#include "engine/train/on_policy/rollouts.h"
#include "engine/train/rows/prompt_rows.h"
#include "engine/train/training_options.h"
#include "engine/train/training_run.h"
#include "protocol/job.h"

namespace attune::engine::train {

// Both splits of a run's prompts that leave room for an answer. Writes data_report.json, also when
// too many rows cannot be used, and lineage.json.
Result<PromptData> read_prompts(const protocol::Job& job, const TrainingRun& run,
                                int64_t answer_length);

// Where the run's reward models are put, after run.load_model(): where the policy trains adapters,
// its trunk takes those of reward models too.
RewardHost reward_host(const protocol::Job& job, TrainingRun& run);

// temperature, top_k, top_p, min_p, repetition_penalty, rollout_rows_max and the seed.
Result<RolloutOptions> read_sampling(const Json& config, const TrainingOptions& options);

}  // namespace attune::engine::train
