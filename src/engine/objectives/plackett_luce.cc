#include "engine/objectives/plackett_luce.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace attune::engine::objectives {
namespace {

// One choice: the completion chosen comes first, then those it was chosen over.
struct Choice {
  std::vector<int64_t> candidates;
  int64_t ranking;
};

void add_choices(std::vector<Choice>& choices, const Ranking& ranking, int64_t index) {
  CHECK(ranking.completions.size() == ranking.ranks.size());
  const size_t before = choices.size();
  for (size_t i = 0; i < ranking.ranks.size(); ++i) {
    if (ranking.ranks[i] == kUnranked) continue;
    Choice choice{{ranking.completions[i]}, index};
    for (size_t j = 0; j < ranking.ranks.size(); ++j) {
      if (ranking.ranks[j] > ranking.ranks[i]) choice.candidates.push_back(ranking.completions[j]);
    }
    if (choice.candidates.size() > 1) choices.push_back(std::move(choice));
  }
  CHECK(choices.size() > before, "a ranking without an ordered pair reached the loss");
}

Choice best_of(const Ranking& ranking, int64_t index) {
  CHECK(std::count(ranking.ranks.begin(), ranking.ranks.end(), 1) == 1,
        "best of n needs exactly one completion of rank 1");
  const auto best = std::find(ranking.ranks.begin(), ranking.ranks.end(), 1);
  Choice choice{ranking.completions, index};
  std::swap(choice.candidates[0],
            choice.candidates[static_cast<size_t>(best - ranking.ranks.begin())]);
  return choice;
}

// logsumexp(candidates) - chosen, summed by ranking. Rows are padded with -inf, which counts
// nothing and gets no gradient.
Tensor choice_losses(const Tensor& scores, const std::vector<Choice>& choices, size_t rankings) {
  size_t width = 0;
  for (const Choice& choice : choices) width = std::max(width, choice.candidates.size());
  std::vector<int64_t> index, owner;
  std::vector<double> padding;
  for (const Choice& choice : choices) {
    owner.push_back(choice.ranking);
    for (size_t i = 0; i < width; ++i) {
      const bool real = i < choice.candidates.size();
      index.push_back(choice.candidates[real ? i : 0]);
      padding.push_back(real ? 0 : -std::numeric_limits<double>::infinity());
    }
  }
  const auto rows = static_cast<int64_t>(choices.size()), columns = static_cast<int64_t>(width);
  const Tensor mask = at::tensor(padding, at::kDouble).to(scores.options()).view({rows, columns});
  const Tensor at_index = at::tensor(index, at::kLong).to(scores.device());
  const Tensor candidates = at::index_select(scores, 0, at_index).view({rows, columns});
  const Tensor losses = at::logsumexp(candidates + mask, {1}) - candidates.select(1, 0);
  return at::zeros({static_cast<int64_t>(rankings)}, losses.options())
      .index_add(0, at::tensor(owner, at::kLong).to(scores.device()), losses);
}

}  // namespace

Tensor plackett_luce_losses(const Tensor& scores, const std::vector<Ranking>& rankings) {
  std::vector<Choice> choices;
  for (size_t i = 0; i < rankings.size(); ++i) {
    add_choices(choices, rankings[i], static_cast<int64_t>(i));
  }
  return choice_losses(scores, choices, rankings.size());
}

Tensor ranking_dpo_losses(const Tensor& policy, const Tensor& reference, double beta,
                          const std::vector<Ranking>& rankings) {
  const Tensor ratio = reference.defined() ? policy - reference.detach() : policy;
  return plackett_luce_losses(beta * ratio, rankings);
}

Tensor best_of_losses(const Tensor& scores, const std::vector<Ranking>& rankings) {
  std::vector<Choice> choices;
  for (size_t i = 0; i < rankings.size(); ++i) {
    choices.push_back(best_of(rankings[i], static_cast<int64_t>(i)));
  }
  return choice_losses(scores, choices, rankings.size());
}

}  // namespace attune::engine::objectives
