#include "feedback/comparisons.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/check.h"

namespace attune::feedback {
namespace {

double pairs_among(int64_t n) {
  return static_cast<double>(n) * static_cast<double>(n - 1) / 2;
}

// How many chose the first and the second.
struct Sides {
  int64_t first = 0;
  int64_t second = 0;
};

struct Count {
  double comparisons = 0;
  double agreements = 0;
  void add(const Sides& sides, double sign) {
    comparisons += sign * pairs_among(sides.first + sides.second);
    agreements += sign * (pairs_among(sides.first) + pairs_among(sides.second));
  }
};

// Of the answers to one question, sorted by rater.
Count count_question(std::span<const Comparison> answers, RaterPairs raters) {
  Sides all;
  Count same;
  for (size_t from = 0; from < answers.size();) {
    Sides own;
    size_t to = from;
    for (; to < answers.size() && answers[to].rater == answers[from].rater; ++to) {
      if (answers[to].choice == Choice::kFirst) ++own.first;
      if (answers[to].choice == Choice::kSecond) ++own.second;
    }
    same.add(own, 1);
    all.first += own.first;
    all.second += own.second;
    from = to;
  }
  if (raters == RaterPairs::kSame) return same;
  Count different;
  different.add(all, 1);
  different.comparisons -= same.comparisons;
  different.agreements -= same.agreements;
  return different;
}

}  // namespace

Result<std::vector<Comparison>> comparisons_of_ranking(int64_t prompt, int64_t rater,
                                                       const Ranks& ranks) {
  const auto pairs = TRY(pairs_of_ranking(ranks, {.ties = TieRule::kHalf}));
  const auto items = static_cast<int64_t>(ranks.size());
  std::vector<Comparison> comparisons;
  for (const RankedPair& pair : pairs) {
    const auto [first, second] = std::minmax({pair.chosen, pair.rejected});
    Choice choice = pair.chosen == first ? Choice::kFirst : Choice::kSecond;
    if (pair.chosen_probability != 1.0) choice = Choice::kTie;
    comparisons.push_back({prompt, first * items + second, rater, choice});
  }
  return comparisons;
}

PairAgreement pair_agreement(std::span<const Comparison> answers, RaterPairs raters,
                             const BootstrapOptions& options) {
  std::vector<Comparison> sorted(answers.begin(), answers.end());
  std::sort(sorted.begin(), sorted.end(), [](const Comparison& a, const Comparison& b) {
    return std::tie(a.prompt, a.pair, a.rater) < std::tie(b.prompt, b.pair, b.rater);
  });
  std::vector<double> agreements;  // of each prompt
  std::vector<double> comparisons;
  PairAgreement result;
  for (size_t from = 0; from < sorted.size();) {
    size_t to = from;
    while (to < sorted.size() && sorted[to].prompt == sorted[from].prompt &&
           sorted[to].pair == sorted[from].pair) {
      ++to;
    }
    const Count count = count_question(std::span(sorted).subspan(from, to - from), raters);
    if (from == 0 || sorted[from].prompt != sorted[from - 1].prompt) {
      agreements.push_back(0);
      comparisons.push_back(0);
    }
    agreements.back() += count.agreements;
    comparisons.back() += count.comparisons;
    result.comparisons += static_cast<int64_t>(count.comparisons);
    result.agreements += static_cast<int64_t>(count.agreements);
    from = to;
  }
  result.rate = bootstrap_ratio(agreements, comparisons, options);
  return result;
}

double flip_rate(double agreement) {
  if (!(agreement > 0.5)) return 0.5;
  return (1 - std::sqrt(2 * std::min(agreement, 1.0) - 1)) / 2;
}

Interval flip_rate(const Interval& agreement) {
  Interval noise = agreement;
  noise.estimate = flip_rate(agreement.estimate);
  noise.low = flip_rate(agreement.high);
  noise.high = flip_rate(agreement.low);
  const double slope = 1 - 2 * noise.estimate;  // of p by e it is -2 (1 - 2 e)
  noise.standard_error = slope > 0 ? agreement.standard_error / (2 * slope) : 0;
  return noise;
}

double majority_flip_rate(double flip_rate, int raters) {
  CHECK(raters >= 1 && raters % 2 == 1, "a majority of {}", raters);
  double wrong = 0;
  double ways = 1;  // of choosing who errs
  for (int erring = 0; erring <= raters; ++erring) {
    if (2 * erring > raters) {
      wrong += ways * std::pow(flip_rate, erring) * std::pow(1 - flip_rate, raters - erring);
    }
    ways = ways * (raters - erring) / (erring + 1);
  }
  return wrong;
}

std::vector<int64_t> contradicting_rows(std::span<const PreferenceRow> rows) {
  using Question = std::tuple<std::string_view, std::string_view, std::string_view,
                              std::string_view>;  // prompt, annotator, the two texts in order
  struct FirstRows {
    int64_t forward = -1;  // chosen is the smaller text
    int64_t backward = -1;
  };
  std::map<Question, FirstRows> questions;
  auto question_of = [](const PreferenceRow& row) {
    const auto [smaller, larger] = std::minmax(row.chosen, row.rejected);
    return Question{row.prompt, row.annotator, smaller, larger};
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].chosen == rows[i].rejected) continue;
    FirstRows& first = questions[question_of(rows[i])];
    int64_t& mine = rows[i].chosen < rows[i].rejected ? first.forward : first.backward;
    if (mine < 0) mine = static_cast<int64_t>(i);
  }
  std::vector<int64_t> opposite(rows.size(), -1);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].chosen == rows[i].rejected) continue;
    const FirstRows& first = questions.at(question_of(rows[i]));
    opposite[i] = rows[i].chosen < rows[i].rejected ? first.backward : first.forward;
  }
  return opposite;
}

}  // namespace attune::feedback
