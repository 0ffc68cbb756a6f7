#include "feedback/ranking_agreement.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"

namespace attune::feedback {
namespace {

constexpr double kRandomDistance = 0.5;  // of two independent uniform rankings

struct PairCounts {
  double concordant = 0;
  double discordant = 0;
  double tied_in_a = 0;  // only
  double tied_in_b = 0;  // only
  double tied_in_both = 0;

  double all() const { return concordant + discordant + tied_in_a + tied_in_b + tied_in_both; }
};

PairCounts count_pairs(std::span<const double> a, std::span<const double> b) {
  CHECK(a.size() == b.size(), "rankings of {} and {} items", a.size(), b.size());
  PairCounts counts;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double in_a = a[i] - a[j];
      const double in_b = b[i] - b[j];
      if (std::isnan(in_a) || std::isnan(in_b)) continue;
      if (in_a == 0 && in_b == 0) {
        ++counts.tied_in_both;
      } else if (in_a == 0) {
        ++counts.tied_in_a;
      } else if (in_b == 0) {
        ++counts.tied_in_b;
      } else {
        ++((in_a < 0) == (in_b < 0) ? counts.concordant : counts.discordant);
      }
    }
  }
  return counts;
}

// Ranks 1..n of the numbers, tied ones sharing the mean of theirs; adds t^3 - t of each tie.
std::vector<double> middle_ranks(std::span<const double> numbers, double& ties) {
  std::map<double, std::vector<size_t>> groups;
  for (size_t i = 0; i < numbers.size(); ++i) groups[numbers[i]].push_back(i);
  std::vector<double> ranks(numbers.size());
  double below = 0;
  for (const auto& [number, items] : groups) {
    const auto tied = static_cast<double>(items.size());
    for (size_t item : items) ranks[item] = below + (tied + 1) / 2;
    below += tied;
    ties += tied * tied * tied - tied;
  }
  return ranks;
}

Status check_sizes(const RankingAnswers& rankings, RankingExpectation expectation) {
  std::optional<size_t> all;
  for (size_t item = 0; item < rankings.size(); ++item) {
    if (expectation == RankingExpectation::kExchangeable) all.reset();
    for (const std::vector<double>& ranking : rankings[item]) {
      if (!all) all = ranking.size();
      if (ranking.size() == *all) continue;
      return invalid_input("item {} has a ranking of {} options beside one of {}", item,
                           ranking.size(), *all);
    }
  }
  return {};
}

// The mean distance between the rankings of one item; nothing when no two can be compared.
std::optional<double> mean_distance(const std::vector<std::vector<double>>& rankings) {
  double sum = 0;
  double pairs = 0;
  for (size_t i = 0; i < rankings.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (const auto distance = kendall_distance(rankings[i], rankings[j])) {
        sum += *distance;
        ++pairs;
      }
    }
  }
  if (pairs == 0) return std::nullopt;
  return sum / pairs;
}

// Items that count, with their weight (the number of rankings) and their mean distance.
struct Observed {
  std::vector<double> answers;
  std::vector<double> weighted_distances;
  std::vector<size_t> items;
};

Observed observe(const RankingAnswers& rankings) {
  Observed observed;
  for (size_t item = 0; item < rankings.size(); ++item) {
    const auto distance = mean_distance(rankings[item]);
    if (!distance) continue;
    const auto answers = static_cast<double>(rankings[item].size());
    observed.answers.push_back(answers);
    observed.weighted_distances.push_back(answers * *distance);
    observed.items.push_back(item);
  }
  return observed;
}

// NaN is not equal to itself: rankings with gaps are compared by bits-like order here.
bool comes_before(const std::vector<double>& a, const std::vector<double>& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](double x, double y) {
                                        if (std::isnan(x) || std::isnan(y)) {
                                          return !std::isnan(x) && std::isnan(y);
                                        }
                                        return x < y;
                                      });
}

// The mean distance between any two different answers, over all items that count.
double pooled_distance(const RankingAnswers& rankings, const Observed& observed) {
  std::map<std::vector<double>, double, decltype(&comes_before)> counts(&comes_before);
  for (size_t item : observed.items) {
    for (const std::vector<double>& ranking : rankings[item]) ++counts[ranking];
  }
  double sum = 0;
  double pairs = 0;
  for (const auto& [a, n_a] : counts) {
    for (const auto& [b, n_b] : counts) {
      const auto distance = kendall_distance(a, b);
      if (!distance) continue;
      const double here = &a == &b ? n_a * (n_a - 1) : n_a * n_b;
      sum += here * *distance;
      pairs += here;
    }
  }
  return pairs == 0 ? 0 : sum / pairs;
}

}  // namespace

std::optional<double> kendall_tau_b(std::span<const double> a, std::span<const double> b) {
  const PairCounts counts = count_pairs(a, b);
  const double not_tied_in_a = counts.concordant + counts.discordant + counts.tied_in_b;
  const double not_tied_in_b = counts.concordant + counts.discordant + counts.tied_in_a;
  if (not_tied_in_a == 0 || not_tied_in_b == 0) return std::nullopt;
  return (counts.concordant - counts.discordant) / std::sqrt(not_tied_in_a * not_tied_in_b);
}

std::optional<double> kendall_distance(std::span<const double> a, std::span<const double> b) {
  const PairCounts counts = count_pairs(a, b);
  if (counts.all() == 0) return std::nullopt;
  return (counts.discordant + (counts.tied_in_a + counts.tied_in_b) / 2) / counts.all();
}

Result<Concordance> kendall_w(const std::vector<std::vector<double>>& rankings) {
  if (rankings.size() < 2 || rankings[0].size() < 2) {
    return invalid_input("concordance needs at least two rankings of two items");
  }
  const size_t items = rankings[0].size();
  std::vector<double> sums(items, 0);
  double ties = 0;
  for (size_t rater = 0; rater < rankings.size(); ++rater) {
    const std::vector<double>& ranking = rankings[rater];
    if (ranking.size() != items) {
      return invalid_input("ranking {} has {} items, ranking 0 has {}", rater, ranking.size(),
                           items);
    }
    if (std::any_of(ranking.begin(), ranking.end(), [](double r) { return std::isnan(r); })) {
      return invalid_input("ranking {} leaves items out; concordance needs whole rankings", rater);
    }
    const std::vector<double> ranks = middle_ranks(ranking, ties);
    for (size_t i = 0; i < items; ++i) sums[i] += ranks[i];
  }
  const auto m = static_cast<double>(rankings.size());
  const auto n = static_cast<double>(items);
  Concordance found;
  for (double sum : sums) {
    const double deviation = sum - m * (n + 1) / 2;
    found.rank_deviation += deviation * deviation;
  }
  const double most = m * m * (n * n * n - n) - m * ties;
  if (most <= 0) return found;
  found.w = 12 * found.rank_deviation / most;
  found.chi_squared = m * (n - 1) * *found.w;
  found.mean_spearman = (m * *found.w - 1) / (m - 1);
  return found;
}

Result<Alpha> ranking_alpha(const RankingAnswers& rankings, RankingExpectation expectation) {
  TRY(check_sizes(rankings, expectation));
  const Observed observed = observe(rankings);
  Alpha alpha{.items = static_cast<int64_t>(observed.items.size())};
  double answers = 0;
  for (size_t i = 0; i < observed.answers.size(); ++i) {
    answers += observed.answers[i];
    alpha.observed += observed.weighted_distances[i];
  }
  alpha.answers = static_cast<int64_t>(answers);
  if (alpha.items == 0) return alpha;
  alpha.observed /= answers;
  alpha.expected = expectation == RankingExpectation::kExchangeable
                       ? kRandomDistance
                       : pooled_distance(rankings, observed);
  if (alpha.expected > 0) alpha.value = 1 - alpha.observed / alpha.expected;
  return alpha;
}

Result<std::optional<Interval>> ranking_alpha_interval(const RankingAnswers& rankings,
                                                       const BootstrapOptions& options) {
  TRY(check_sizes(rankings, RankingExpectation::kExchangeable));
  const Observed observed = observe(rankings);
  auto alpha = [&](std::span<const int32_t> times) -> std::optional<double> {
    double answers = 0;
    double distance = 0;
    for (size_t i = 0; i < times.size(); ++i) {
      answers += times[i] * observed.answers[i];
      distance += times[i] * observed.weighted_distances[i];
    }
    return 1 - distance / answers / kRandomDistance;
  };
  return bootstrap(static_cast<int64_t>(observed.items.size()), alpha, options);
}

}  // namespace attune::feedback
