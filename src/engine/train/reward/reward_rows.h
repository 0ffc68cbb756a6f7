// The rows of a reward model: preferences and rankings, each sequence up to the end token at which
// its score is read (an end of turn; what a template puts behind it stays away).
//
// Left out, counted and named: rows with a sequence longer than max_length (as TRL's
// RewardTrainer), and what every reader of comparisons leaves out (data/row_faults.h). Answers that
// nobody ranked take no part.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/train/rows/tree_data.h"
#include "engine/train/training_run.h"
#include "feedback/rankings_to_pairs.h"
#include "protocol/job.h"

namespace attune::engine::train {

// What people said: rankings are whole.
Result<TreeData> load_reward_data(const protocol::Job& job, const TrainingRun& run);

// What is trained on: with loss_type: pairwise every ranking becomes pairs by ranking_pairs, rows
// of their own. Evaluation rows stay whole, since accuracy is over all of their pairs.
Status split_into_pairs(const Json& config, std::vector<TreeRow>* rows);

// A ranking without the answers that nobody ranked; other rows as they are.
TreeRow without_unranked(TreeRow row);

// A ranking as preferences by the rule, each with its own tree; a preference alone.
std::vector<TreeRow> rows_of_pairs(const TreeRow& row, const feedback::PairOptions& options);

}  // namespace attune::engine::train
