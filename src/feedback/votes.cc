#include "feedback/votes.h"

#include <algorithm>

#include "base/random.h"

namespace attune::feedback {
namespace {

// The label with the largest share; among equal ones the draw of this item.
void choose(Consensus& consensus, uint64_t seed, size_t item) {
  const std::vector<double>& shares = consensus.shares;
  const auto first = std::max_element(shares.begin(), shares.end());
  consensus.label = static_cast<int>(first - shares.begin());
  consensus.tied = std::find(first + 1, shares.end(), *first) != shares.end();
  if (!consensus.tied) return;
  std::vector<int> best;
  for (size_t k = 0; k < shares.size(); ++k) {
    if (shares[k] == *first) best.push_back(static_cast<int>(k));
  }
  consensus.label = best[Random(seed, item).below(best.size())];
}

}  // namespace

Status check_votes(std::span<const Vote> votes, const VoteSpace& space) {
  if (space.classes < 2) {
    return invalid_input("votes on {} categories: a question has at least 2", space.classes);
  }
  std::vector<std::pair<int64_t, int64_t>> given;
  given.reserve(votes.size());
  for (size_t i = 0; i < votes.size(); ++i) {
    const Vote& vote = votes[i];
    if (vote.item < 0 || vote.item >= space.items || vote.rater < 0 ||
        vote.rater >= space.raters || vote.label < 0 || vote.label >= space.classes) {
      return invalid_input("vote {}: item {}, rater {}, label {} is outside of {} items, {} raters "
                           "and {} categories",
                           i, vote.item, vote.rater, vote.label, space.items, space.raters,
                           space.classes);
    }
    given.emplace_back(vote.item, vote.rater);
  }
  if (!std::is_sorted(given.begin(), given.end())) std::sort(given.begin(), given.end());
  const auto twice = std::adjacent_find(given.begin(), given.end());
  if (twice != given.end()) {
    return invalid_input("rater {} voted twice on item {}: keep the current answer alone",
                         twice->second, twice->first);
  }
  return {};
}

Result<std::vector<Consensus>> majority(std::span<const Vote> votes, const VoteSpace& space,
                                        uint64_t seed, std::span<const double> rater_weights) {
  TRY(check_votes(votes, space));
  if (!rater_weights.empty() && std::ssize(rater_weights) != space.raters) {
    return invalid_input("{} weights for {} raters", rater_weights.size(), space.raters);
  }
  for (const double weight : rater_weights) {
    if (!(weight >= 0)) return invalid_input("a rater's weight is {}: 0 or more", weight);
  }
  const auto classes = static_cast<size_t>(space.classes);
  std::vector<Consensus> result(static_cast<size_t>(space.items));
  for (Consensus& consensus : result) consensus.shares.assign(classes, 0.0);
  std::vector<double> totals(result.size(), 0.0);
  for (const Vote& vote : votes) {
    const double weight =
        rater_weights.empty() ? 1.0 : rater_weights[static_cast<size_t>(vote.rater)];
    const auto item = static_cast<size_t>(vote.item);
    result[item].shares[static_cast<size_t>(vote.label)] += weight;
    totals[item] += weight;
  }
  for (size_t item = 0; item < result.size(); ++item) {
    if (totals[item] == 0) continue;
    choose(result[item], seed, item);
    for (double& share : result[item].shares) share /= totals[item];
  }
  return result;
}

std::vector<Consensus> consensus_of(const std::vector<std::vector<double>>& posteriors,
                                    uint64_t seed) {
  std::vector<Consensus> result(posteriors.size());
  for (size_t item = 0; item < posteriors.size(); ++item) {
    result[item].shares = posteriors[item];
    if (!posteriors[item].empty()) choose(result[item], seed, item);
  }
  return result;
}

}  // namespace attune::feedback
