// What a reward model's scores on judged rows are worth: accuracy beside people's own agreement, by
// margin and by length, and calibration (feedback/scored_pairs.h says how each is counted).
//
// Pure functions; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/train/rows/tree_rows.h"
#include "feedback/comparisons.h"
#include "feedback/scored_pairs.h"

namespace attune::engine::train {

struct RewardEvaluation {
  feedback::ScoredPairReport pairs;
  // How often two people who judged the same two answers agree: the ceiling of an accuracy.
  feedback::PairAgreement people;
  std::optional<double> length_correlation;  // of reward and tokens, over completions
  double least = 0, mean = 0, most = 0;      // rewards

  // TRL's names (accuracy, margin, min_reward, mean_reward, max_reward), and Attune's:
  // accuracy_margin_*, accuracy_longer_preferred, accuracy_shorter_preferred, length_correlation,
  // ece, temperature, human_agreement. What could not be measured is left out.
  std::map<std::string, double> metrics() const;
};

// scores[i][k] is the score of completion k of row i. Every row has a completion.
RewardEvaluation evaluate_rewards(const std::vector<const TreeRow*>& rows,
                                  const std::vector<std::vector<double>>& scores);

// reward_evaluation.json: everything, with counts, intervals, annotators and calibration bins.
OrderedJson to_json(const RewardEvaluation& evaluation);

}  // namespace attune::engine::train
