#include "engine/objectives/ranking.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/square.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "base/check.h"
#include "engine/objectives/stable_log.h"

namespace attune::engine::objectives {
namespace {

struct PairLists {
  std::vector<int64_t> better, worse, ranking;
  std::vector<double> probability;
};

// Appends the pairs of one ranking.
void add_pairs(PairLists& lists, const Ranking& ranking, int64_t index, TieRule ties) {
  CHECK(ranking.completions.size() == ranking.ranks.size());
  for (size_t i = 0; i < ranking.ranks.size(); ++i) {
    for (size_t j = i + 1; j < ranking.ranks.size(); ++j) {
      const int64_t first = ranking.ranks[i], second = ranking.ranks[j];
      if (first == kUnranked || second == kUnranked) continue;
      if (first == second && ties == TieRule::kDrop) continue;
      const bool ordered = first <= second;
      lists.better.push_back(ranking.completions[ordered ? i : j]);
      lists.worse.push_back(ranking.completions[ordered ? j : i]);
      lists.probability.push_back(first == second ? 0.5 : 1);
      lists.ranking.push_back(index);
    }
  }
}

}  // namespace

Tensor pairwise_losses(const Tensor& chosen, const Tensor& rejected, const Tensor& margin,
                       const Tensor& chosen_probability, const ScoreRegularisers& regularisers) {
  const Tensor difference = chosen - rejected;
  const Tensor shift = margin.defined() ? margin.to(difference.options()) : Tensor();
  const auto beyond = [&](const Tensor& d) { return shift.defined() ? d - shift : d; };
  Tensor loss = -log_sigmoid(beyond(difference));
  if (chosen_probability.defined()) {
    const Tensor p = chosen_probability.to(difference.options());
    loss = p * loss - (1 - p) * log_sigmoid(beyond(-difference));
  }
  if (regularisers.centre != 0) loss = loss + regularisers.centre * at::square(chosen + rejected);
  if (regularisers.magnitude != 0) {
    loss = loss + regularisers.magnitude / 2 * (at::square(chosen) + at::square(rejected));
  }
  return loss;
}

RankedPairs ranked_pairs(const std::vector<Ranking>& rankings, TieRule ties) {
  PairLists lists;
  std::vector<double> count;
  for (size_t i = 0; i < rankings.size(); ++i) {
    const size_t before = lists.better.size();
    add_pairs(lists, rankings[i], static_cast<int64_t>(i), ties);
    count.push_back(static_cast<double>(lists.better.size() - before));
  }
  return {at::tensor(lists.better, at::kLong), at::tensor(lists.worse, at::kLong),
          at::tensor(lists.probability, at::kDouble), at::tensor(lists.ranking, at::kLong),
          at::tensor(count, at::kDouble)};
}

int64_t pair_count(const Ranking& ranking, TieRule ties) {
  PairLists lists;
  add_pairs(lists, ranking, 0, ties);
  return static_cast<int64_t>(lists.better.size());
}

Tensor kwise_losses(const Tensor& scores, const std::vector<Ranking>& rankings, TieRule ties,
                    PairAverage average, const ScoreRegularisers& regularisers) {
  const RankedPairs pairs = ranked_pairs(rankings, ties);
  CHECK((pairs.count > 0).all().item<bool>(), "a ranking without a pair reached the loss");
  const auto pick = [&](const Tensor& index) {
    return at::index_select(scores, 0, index.to(scores.device()));
  };
  const Tensor probability = ties == TieRule::kHalf ? pairs.probability : Tensor();
  const Tensor losses =
      pairwise_losses(pick(pairs.better), pick(pairs.worse), {}, probability, regularisers);
  const Tensor sums = at::zeros({static_cast<int64_t>(rankings.size())}, losses.options())
                          .index_add(0, pairs.ranking.to(scores.device()), losses);
  if (average == PairAverage::kPerPair) return sums;
  return sums / pairs.count.to(losses.options());
}

}  // namespace attune::engine::objectives
