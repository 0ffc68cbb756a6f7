#include "feedback/presentation.h"

#include <map>

#include "feedback/sign_flip.h"

namespace attune::feedback {
namespace {

// Hits and trials of each prompt, for a rate over clusters.
class Clusters {
 public:
  void add(int64_t prompt, int64_t more_hits, int64_t more_trials) {
    auto& [hits, trials] = counts_[prompt];
    hits += static_cast<double>(more_hits);
    trials += static_cast<double>(more_trials);
  }
  // Of each prompt: hits less misses.
  std::vector<int64_t> differences() const {
    std::vector<int64_t> all;
    for (const auto& [prompt, count] : counts_) {
      all.push_back(static_cast<int64_t>(2 * count.first - count.second));
    }
    return all;
  }
  std::optional<Interval> rate(const BootstrapOptions& options) const {
    std::vector<double> hits, trials;
    for (const auto& [prompt, count] : counts_) {
      hits.push_back(count.first);
      trials.push_back(count.second);
    }
    return bootstrap_ratio(hits, trials, options);
  }

 private:
  std::map<int64_t, std::pair<double, double>> counts_;
};

Status check_shown(const ShownRanking& ranking, size_t number) {
  std::vector<bool> seen(ranking.shown_order.size(), false);
  bool valid = ranking.ranks.size() == ranking.shown_order.size();
  for (const int64_t candidate : ranking.shown_order) {
    if (!valid) break;
    valid = candidate >= 0 && candidate < std::ssize(seen) &&
            !seen[static_cast<size_t>(candidate)];
    if (valid) seen[static_cast<size_t>(candidate)] = true;
  }
  if (valid) return {};
  return invalid_input("ranking {}: the order shown is no permutation of its {} candidates",
                       number, ranking.ranks.size());
}

}  // namespace

Result<PositionBias> position_bias(std::span<const ShownRanking> rankings,
                                   const BootstrapOptions& options) {
  PositionBias bias;
  Clusters clusters;
  std::vector<int64_t> differences;  // of each ranking
  int64_t counted = 0;
  for (size_t n = 0; n < rankings.size(); ++n) {
    const ShownRanking& ranking = rankings[n];
    TRY(check_shown(ranking, n));
    const size_t places = ranking.shown_order.size();
    const auto rank_at = [&](size_t place) {
      return ranking.ranks[static_cast<size_t>(ranking.shown_order[place])];
    };
    int64_t choices = 0, first_chosen = 0;
    for (size_t earlier = 0; earlier < places; ++earlier) {
      for (size_t later = earlier + 1; later < places; ++later) {
        if (rank_at(earlier) == rank_at(later)) continue;
        ++choices;
        first_chosen += rank_at(earlier) < rank_at(later) ? 1 : 0;
      }
    }
    bias.choices += choices;
    bias.first_chosen += first_chosen;
    differences.push_back(2 * first_chosen - choices);
    if (choices > 0) clusters.add(ranking.prompt, first_chosen, choices);
    if (n == 0) bias.mean_rank_by_place.assign(places, 0.0);
    if (places != bias.mean_rank_by_place.size()) continue;
    ++counted;
    for (size_t place = 0; place < places; ++place) {
      bias.mean_rank_by_place[place] += rank_at(place);
    }
  }
  for (double& rank : bias.mean_rank_by_place) rank /= static_cast<double>(counted);
  bias.p_value = sign_flip_p_value(differences);
  bias.first_share = clusters.rate(options);
  return bias;
}

LengthBias length_bias(std::span<const LengthPair> pairs, const BootstrapOptions& options) {
  LengthBias bias;
  Clusters clusters;
  for (const LengthPair& pair : pairs) {
    bias.mean_difference += pair.chosen_length - pair.rejected_length;
    if (pair.chosen_length == pair.rejected_length) {
      ++bias.equal;
      continue;
    }
    const bool longer = pair.chosen_length > pair.rejected_length;
    ++(longer ? bias.longer : bias.shorter);
    clusters.add(pair.prompt, longer ? 1 : 0, 1);
  }
  if (!pairs.empty()) bias.mean_difference /= static_cast<double>(pairs.size());
  bias.p_value = sign_flip_p_value(clusters.differences());
  bias.longer_share = clusters.rate(options);
  return bias;
}

}  // namespace attune::feedback
