// Reward models as a Method (losses.md §6): pairs and whole rankings as trees, the prompt computed
// once and each completion once, whatever the number of pairs. A score is read at the end token of
// a completion. Formulas: objectives/ranking.h, objectives/plackett_luce.h.
//
// A ranking is one element: its C(K,2) pairs are averaged first, so that K = 9 does not weigh 36
// times a pair (kwise_average: pair for the other convention). Cut into single shuffled pairs,
// rankings overfit within an epoch (arXiv 2203.02155); loss_type: pairwise does it all the same, as
// other libraries do.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/objectives/ranking.h"
#include "engine/train/preferences/tree_method.h"
#include "engine/train/reward/reward_evaluation.h"

namespace attune::engine::train {

enum class RewardLoss { kKwise, kPlackettLuce };

struct RewardOptions {
  RewardLoss loss = RewardLoss::kKwise;
  objectives::PairAverage average = objectives::PairAverage::kPerRanking;
  objectives::TieRule ties = objectives::TieRule::kDrop;
  objectives::ScoreRegularisers regularisers = {};
};

// Reads loss_type, kwise_average, ranking_ties and the coefficients. With pairwise, rankings have
// become pairs (reward_rows.h), for which all losses are the same.
Result<RewardOptions> read_reward_options(const Json& config);

class RewardMethod : public TreeMethod {
 public:
  // Every ranking has a pair under the options' ties (reward_rows.h sees to it).
  RewardMethod(models::Decoder& decoder, const RewardOptions& options, TreeMethodOptions tree,
               std::vector<TreeRow> train, std::vector<TreeRow> evaluation);

  int64_t row_units(Split split, int64_t row) const override;
  const char* unit_name() const override;
  void join(comm::Communicator& ranks) override { ranks_ = &ranks; }
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  Status end_step(std::map<std::string, double>* metrics) override;
  Result<std::optional<std::map<std::string, double>>> evaluate() override;

  // Of the last evaluation; nothing before the first.
  const std::optional<RewardEvaluation>& evaluation() const { return evaluation_; }

 private:
  struct Scored {
    TreePass pass;
    Tensor scores;  // [C]
  };
  Scored score(Split split, const std::vector<int64_t>& rows, const PassOptions& options);
  Tensor total_loss(Split split, const std::vector<int64_t>& rows, const Scored& scored) const;
  void note_extremes(double low, double high);
  void gather_extremes();
  bool counts_pairs() const;  // in place of rankings

  RewardOptions options_;
  std::vector<std::string> adapters_;
  comm::Communicator* ranks_ = nullptr;  // null: one process
  std::optional<std::pair<double, double>> extremes_;  // of the step's rewards
  std::optional<RewardEvaluation> evaluation_;
};

}  // namespace attune::engine::train
