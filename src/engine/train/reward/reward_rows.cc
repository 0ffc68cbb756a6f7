#include "engine/train/reward/reward_rows.h"

#include "engine/train/preferences/pair_method.h"

namespace attune::engine::train {

TreeRow without_unranked(TreeRow row) {
  if (row.form != data::Form::kRanking) return row;
  TreeRow kept = row;
  kept.tree.branches.clear();
  kept.ranks.clear();
  kept.scores.clear();
  for (size_t i = 0; i < row.ranks.size(); ++i) {
    if (!row.ranks[i]) continue;
    kept.tree.branches.push_back(std::move(row.tree.branches[i]));
    kept.ranks.push_back(row.ranks[i]);
    if (!row.scores.empty()) kept.scores.push_back(row.scores[i]);
  }
  return kept;
}

std::vector<TreeRow> rows_of_pairs(const TreeRow& row, const feedback::PairOptions& options) {
  if (row.form == data::Form::kPreference) return {row};
  std::vector<TreeRow> rows;
  for (const RowPair& pair : pairs_of_row(row, options)) {
    TreeRow one = row;
    one.form = data::Form::kPreference;
    one.tree.branches = {row.tree.branches[static_cast<size_t>(pair.chosen)],
                         row.tree.branches[static_cast<size_t>(pair.rejected)]};
    one.ranks = {1, 2};
    one.scores.clear();
    if (pair.chosen_probability != 1) one.chosen_probability = pair.chosen_probability;
    rows.push_back(std::move(one));
  }
  return rows;
}

Result<TreeData> load_reward_data(const protocol::Job& job, const TrainingRun& run) {
  const feedback::PairOptions pairs = TRY(read_pair_options(job.config));
  TreeRowOptions options;
  options.forms = {data::Form::kPreference, data::Form::kRanking};
  options.overflow = Overflow::kDrop;
  options.to_end_of_turn = true;
  options.ties = pairs.ties;
  TreeData data = TRY(load_tree_data(job, run, options));
  for (std::vector<TreeRow>* rows : {&data.train, &data.evaluation}) {
    for (TreeRow& row : *rows) row = without_unranked(std::move(row));
  }
  return data;
}

Status split_into_pairs(const Json& config, std::vector<TreeRow>* rows) {
  if (TRY(get_string_or(config, "loss_type", "kwise")) != "pairwise") return {};
  feedback::PairOptions options = TRY(read_pair_options(config));
  std::vector<TreeRow> expanded;
  for (size_t i = 0; i < rows->size(); ++i) {
    options.ranking = i;
    for (TreeRow& pair : rows_of_pairs((*rows)[i], options)) expanded.push_back(std::move(pair));
  }
  *rows = std::move(expanded);
  return {};
}

}  // namespace attune::engine::train
