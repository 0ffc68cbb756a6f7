#include "engine/train/reward/reward_evaluation.h"

#include <algorithm>

#include "base/check.h"

namespace attune::engine::train {
namespace {

// The pairs of a row that somebody ordered or tied, the better side first.
void add_scored_pairs(const TreeRow& row, const std::vector<double>& scores, int64_t unit,
                      std::vector<feedback::ScoredPair>* pairs) {
  const auto tokens = [&](size_t i) { return row.tree.branches[i].completion_tokens(); };
  for (size_t i = 0; i < row.ranks.size(); ++i) {
    for (size_t j = i + 1; j < row.ranks.size(); ++j) {
      if (!row.ranks[i] || !row.ranks[j]) continue;
      const bool ordered = *row.ranks[i] <= *row.ranks[j];
      const size_t better = ordered ? i : j, worse = ordered ? j : i;
      const bool tied = *row.ranks[i] == *row.ranks[j];
      feedback::ScoredPair pair{.better = scores[better], .worse = scores[worse]};
      pair.probability = tied ? 0.5 : row.chosen_probability.value_or(1);
      pair.better_tokens = tokens(better);
      pair.worse_tokens = tokens(worse);
      pair.rank_gap = *row.ranks[worse] - *row.ranks[better];
      pair.annotator = row.annotator;
      pair.unit = unit;
      pairs->push_back(std::move(pair));
    }
  }
}

// Numbers for things that are equal or not: 0, 1, 2, ... in the order of coming.
template <class Key>
class Numbering {
 public:
  int64_t of(const Key& key) {
    return numbers_.emplace(key, static_cast<int64_t>(numbers_.size())).first->second;
  }

 private:
  std::map<Key, int64_t> numbers_;
};

// People's answers to "which of these two": the same two texts of a prompt are the same question,
// whichever rows they stand in.
std::vector<feedback::Comparison> comparisons_of(const std::vector<const TreeRow*>& rows) {
  using Ids = std::vector<int32_t>;
  Numbering<Ids> prompts, texts;
  Numbering<std::string> raters;
  Numbering<std::pair<int64_t, int64_t>> questions;
  std::vector<feedback::Comparison> comparisons;
  for (const TreeRow* row : rows) {
    if (row->annotator.empty()) continue;
    // Where the prompt is cut depends on the other answers of the row; the whole text does not.
    const auto text = [&](size_t i) {
      Ids ids = row->tree.prompt;
      const Ids& own = row->tree.branches[i].ids;
      ids.insert(ids.end(), own.begin(), own.end());
      return texts.of(ids);
    };
    Ids prompt = row->tree.prompt;
    const models::TokenBranch& first = row->tree.branches[0];
    prompt.insert(prompt.end(), first.ids.begin(), first.ids.begin() + first.first);
    for (size_t i = 0; i < row->ranks.size(); ++i) {
      for (size_t j = i + 1; j < row->ranks.size(); ++j) {
        if (!row->ranks[i] || !row->ranks[j]) continue;
        const int64_t a = text(i), b = text(j);
        if (a == b) continue;
        const int order = *row->ranks[i] - *row->ranks[j];
        const bool first_better = a < b ? order < 0 : order > 0;
        comparisons.push_back({.prompt = prompts.of(prompt),
                               .pair = questions.of(std::minmax(a, b)),
                               .rater = raters.of(row->annotator),
                               .choice = order == 0     ? feedback::Choice::kTie
                                         : first_better ? feedback::Choice::kFirst
                                                        : feedback::Choice::kSecond});
      }
    }
  }
  return comparisons;
}

}  // namespace

RewardEvaluation evaluate_rewards(const std::vector<const TreeRow*>& rows,
                                  const std::vector<std::vector<double>>& scores) {
  CHECK(rows.size() == scores.size() && !rows.empty(), "{} rows with {} scores", rows.size(),
        scores.size());
  std::vector<feedback::ScoredPair> pairs;
  std::vector<double> rewards, lengths;
  for (size_t i = 0; i < rows.size(); ++i) {
    add_scored_pairs(*rows[i], scores[i], static_cast<int64_t>(i), &pairs);
    for (size_t k = 0; k < scores[i].size(); ++k) {
      rewards.push_back(scores[i][k]);
      lengths.push_back(static_cast<double>(rows[i]->tree.branches[k].completion_tokens()));
    }
  }
  RewardEvaluation result;
  result.pairs = feedback::report_scored_pairs(pairs);
  result.people =
      feedback::pair_agreement(comparisons_of(rows), feedback::RaterPairs::kDifferent);
  result.length_correlation = feedback::correlation(rewards, lengths);
  const auto [least, most] = std::minmax_element(rewards.begin(), rewards.end());
  result.least = *least;
  result.most = *most;
  for (double reward : rewards) result.mean += reward / static_cast<double>(rewards.size());
  return result;
}

std::map<std::string, double> RewardEvaluation::metrics() const {
  std::map<std::string, double> metrics = {
      {"margin", pairs.margin}, {"min_reward", least}, {"mean_reward", mean}, {"max_reward", most}};
  const auto add = [&](const std::string& name, const std::optional<double>& value) {
    if (value) metrics[name] = *value;
  };
  add("accuracy", pairs.all.value());
  for (const feedback::MarginBucket& bucket : pairs.by_margin) {
    const std::string end = bucket.high ? fmt::format("to_{:g}", *bucket.high) : "up";
    add(fmt::format("accuracy_margin_{:g}_{}", bucket.low, end), bucket.accuracy.value());
  }
  add("accuracy_longer_preferred", pairs.longer_preferred.value());
  add("accuracy_shorter_preferred", pairs.shorter_preferred.value());
  add("length_correlation", length_correlation);
  if (pairs.calibrated) add("ece", pairs.calibrated->ece);
  add("temperature", pairs.temperature);
  if (people.rate) add("human_agreement", people.rate->estimate);
  return metrics;
}

OrderedJson to_json(const RewardEvaluation& evaluation) {
  OrderedJson json = {{"rewards",
                       {{"min", evaluation.least},
                        {"mean", evaluation.mean},
                        {"max", evaluation.most}}},
                      {"preferences", feedback::to_json(evaluation.pairs)}};
  json["length_correlation"] = evaluation.length_correlation
                                   ? OrderedJson(*evaluation.length_correlation)
                                   : OrderedJson();
  OrderedJson people = {{"comparisons", evaluation.people.comparisons},
                        {"agreements", evaluation.people.agreements}};
  if (const auto& rate = evaluation.people.rate) {
    people["agreement"] = rate->estimate;
    people["interval"] = {rate->low, rate->high};
  }
  json["people"] = std::move(people);
  return json;
}

}  // namespace attune::engine::train
