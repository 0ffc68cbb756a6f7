// Asking a run's reference about its rows: what run_*.cc of a method with a reference does between
// load_model() and train().
#pragma once

#include <optional>

#include "base/result.h"
#include "engine/train/preferences/reference.h"
#include "engine/train/preferences/tree_method.h"

namespace attune::engine::train {

struct ReferenceAnswers {
  ReferenceLogProbs train;                      // of the rows that the run's steps read
  std::optional<ReferenceLogProbs> evaluation;  // of all evaluation rows, when the run evaluates
};

// `tokens`: also each token's log-prob. Cached under reference/ in the run directory.
Result<ReferenceAnswers> ask_reference(const protocol::Job& job, TrainingRun& run,
                                       const TreeMethod& method, bool tokens = false);

}  // namespace attune::engine::train
