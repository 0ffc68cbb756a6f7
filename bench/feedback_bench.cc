// Time of what feedback/ makes of a million answers: feedback_bench [ANSWERS]. Three people answer
// each item, out of a thousand who err at rates of their own; truth, answers and times are drawn
// from a seed. Every result that has a plain formula is checked against it before anything is
// timed.
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include "base/json.h"
#include "base/random.h"
#include "feedback/comparisons.h"
#include "feedback/dawid_skene.h"
#include "feedback/kappa.h"
#include "feedback/krippendorff.h"
#include "feedback/mace.h"
#include "feedback/presentation.h"
#include "feedback/ranking_agreement.h"
#include "feedback/raters.h"
#include "feedback/strengths.h"
#include "feedback/votes.h"

#include "clock.h"

namespace attune::feedback {
namespace {

constexpr int64_t kRaters = 1000, kPerItem = 3;
constexpr int kClasses = 5, kCandidates = 4, kSystems = 10;
constexpr int kRounds = 3;
constexpr int64_t kResamples = 200;

struct Sample {
  VoteSpace space;
  std::vector<int> truth;  // [items]
  std::vector<Vote> votes;
  std::vector<RaterAnswer> timed;
  NumberAnswers numbers;
  SetAnswers sets;
  RankingAnswers rankings;
  std::vector<Comparison> comparisons;
  std::vector<ShownRanking> shown;
  std::vector<PlacedItems> placed;
  std::vector<PairCount> pairs;
};

std::vector<double> ranks_in(const std::vector<int64_t>& order) {
  std::vector<double> ranks(order.size());
  for (size_t place = 0; place < order.size(); ++place) {
    ranks[static_cast<size_t>(order[place])] = static_cast<double>(place + 1);
  }
  return ranks;
}

// A ranking near 0, 1, 2, ...: neighbours change places now and then.
std::vector<int64_t> near_order(Random& random) {
  std::vector<int64_t> order(kCandidates);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  for (size_t i = 1; i < order.size(); ++i) {
    if (random.uniform() < 0.3) std::swap(order[i - 1], order[i]);
  }
  return order;
}

void add_ranking(Sample& sample, int64_t item, int64_t rater, Random& random) {
  const std::vector<int64_t> order = near_order(random);
  const std::vector<double> ranks = ranks_in(order);
  sample.rankings[static_cast<size_t>(item)].push_back(ranks);
  ShownRanking shown{item, random.permutation(kCandidates), {}};
  for (const double rank : ranks) shown.ranks.push_back(static_cast<int>(rank));
  sample.shown.push_back(std::move(shown));
  sample.placed.push_back({order, {}});
  const auto first = static_cast<int64_t>(random.below(kSystems));
  const int64_t second = (first + 1 + static_cast<int64_t>(random.below(kSystems - 1))) % kSystems;
  const double chance = 1 / (1 + std::exp(0.3 * static_cast<double>(second - first)));
  const double wins = random.uniform() < chance ? 1 : 0;
  sample.pairs.push_back({first, second, wins, 1 - wins, 0});
  sample.comparisons.push_back(
      {item, 0, rater, random.uniform() < 0.7 ? Choice::kFirst : Choice::kSecond});
}

Sample draw(int64_t answers) {
  Random random(7);
  Sample sample;
  const int64_t items = answers / kPerItem;
  sample.space = {items, kRaters, kClasses};
  sample.numbers.resize(static_cast<size_t>(items));
  sample.sets.resize(static_cast<size_t>(items));
  sample.rankings.resize(static_cast<size_t>(items));
  std::vector<double> accuracy;
  for (int64_t rater = 0; rater < kRaters; ++rater) {
    accuracy.push_back(0.5 + 0.45 * random.uniform());
  }
  for (int64_t item = 0; item < items; ++item) {
    const int truth = static_cast<int>(random.below(kClasses));
    sample.truth.push_back(truth);
    const auto first = static_cast<int64_t>(random.below(kRaters));
    for (int64_t k = 0; k < kPerItem; ++k) {
      const int64_t rater = (first + k * 7) % kRaters;
      const bool right = random.uniform() < accuracy[static_cast<size_t>(rater)];
      const int label = right ? truth : static_cast<int>(random.below(kClasses));
      sample.votes.push_back({item, rater, label});
      sample.timed.push_back({item, rater, label, 5 + 20 * random.uniform(),
                              item % 50 == 0 ? truth : kNoAnswer});
      sample.numbers[static_cast<size_t>(item)].push_back(label + 1);
      LabelSet labels = {label};
      if (random.uniform() < 0.3 && label + 1 < kClasses) labels.push_back(label + 1);
      sample.sets[static_cast<size_t>(item)].push_back(std::move(labels));
      add_ranking(sample, item, rater, random);
    }
  }
  return sample;
}

// Alpha by its definition, from the table of coincidences.
double alpha_by_coincidences(const NumberAnswers& items, bool squares) {
  std::array<std::array<double, kClasses>, kClasses> table{};
  for (const auto& item : items) {
    for (size_t i = 0; i < item.size(); ++i) {
      for (size_t j = 0; j < item.size(); ++j) {
        if (i == j) continue;
        table[static_cast<size_t>(item[i]) - 1][static_cast<size_t>(item[j]) - 1] +=
            1.0 / static_cast<double>(item.size() - 1);
      }
    }
  }
  std::array<double, kClasses> sums{};
  double n = 0;
  for (size_t c = 0; c < kClasses; ++c) {
    for (size_t k = 0; k < kClasses; ++k) sums[c] += table[c][k];
    n += sums[c];
  }
  double observed = 0, expected = 0;
  for (size_t c = 0; c < kClasses; ++c) {
    for (size_t k = 0; k < kClasses; ++k) {
      const double apart = static_cast<double>(c) - static_cast<double>(k);
      const double distance = squares ? apart * apart : c == k ? 0 : 1;
      observed += table[c][k] * distance / n;
      expected += sums[c] * sums[k] * distance / (n * (n - 1));
    }
  }
  return 1 - observed / expected;
}

Status require(bool holds, std::string_view what) {
  if (holds) return {};
  return Error(ErrorCode::kInternal, "the result is wrong: " + std::string(what));
}

double share_right(const std::vector<Consensus>& found, const std::vector<int>& truth) {
  double right = 0;
  for (size_t i = 0; i < truth.size(); ++i) right += found[i].label == truth[i] ? 1 : 0;
  return right / static_cast<double>(truth.size());
}

Status check(const Sample& sample) {
  const auto near = [](std::optional<double> value, double other) {
    return value && std::abs(*value - other) < 1e-9;
  };
  TRY(require(near(krippendorff_alpha(sample.numbers, Metric::kNominal).value,
                   alpha_by_coincidences(sample.numbers, false)), "alpha, nominal"));
  TRY(require(near(krippendorff_alpha(sample.numbers, Metric::kInterval).value,
                   alpha_by_coincidences(sample.numbers, true)), "alpha, interval"));
  const auto plain = TRY(majority(sample.votes, sample.space, 0));
  const auto model = TRY(dawid_skene(sample.votes, sample.space));
  const double by_majority = share_right(plain, sample.truth);
  const double by_model = share_right(consensus_of(model.posteriors, 0), sample.truth);
  TRY(require(model.converged && by_model > by_majority && by_majority > 0.7,
              fmt::format("Dawid-Skene finds {} of the truth, the majority {}", by_model,
                          by_majority)));
  const auto spam = TRY(mace(sample.votes, sample.space));
  const double by_spam = share_right(consensus_of(spam.posteriors, 0), sample.truth);
  TRY(require(spam.converged && by_spam > by_majority,
              fmt::format("MACE finds {} of the truth, the majority {}", by_spam, by_majority)));
  const auto strengths = TRY(bradley_terry(kSystems, sample.pairs));
  for (size_t i = 1; i < kSystems; ++i) {
    TRY(require(strengths.b[i] > strengths.b[i - 1] - 1 &&
                    std::abs(strengths.b[i] - strengths.b[i - 1] - 0.3) < 0.05,
                "strengths of Bradley-Terry"));
  }
  return {};
}

class Stopwatch {
 public:
  template <typename F>
  void time(const char* name, F&& run) {
    double best = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      const double begin = bench::processor_seconds();
      run();
      best = std::min(best, bench::processor_seconds() - begin);
    }
    figures_[name] = best;
  }
  const OrderedJson& figures() const { return figures_; }

 private:
  OrderedJson figures_ = OrderedJson::object();
};

void time_agreement(const Sample& sample, Stopwatch& watch) {
  const BootstrapOptions bootstrap{.resamples = kResamples};
  for (const auto& [name, metric] : {std::pair("alpha_nominal", Metric::kNominal),
                                     std::pair("alpha_ordinal", Metric::kOrdinal),
                                     std::pair("alpha_interval", Metric::kInterval)}) {
    watch.time(name, [&] { (void)krippendorff_alpha(sample.numbers, metric); });
  }
  watch.time("alpha_nominal_200_resamples", [&] {
    (void)krippendorff_interval(sample.numbers, Metric::kNominal, bootstrap);
  });
  watch.time("alpha_ordinal_200_resamples", [&] {
    (void)krippendorff_interval(sample.numbers, Metric::kOrdinal, bootstrap);
  });
  watch.time("alpha_sets", [&] { (void)krippendorff_alpha(sample.sets); });
  watch.time("alpha_rankings", [&] {
    (void)ranking_alpha(sample.rankings, RankingExpectation::kExchangeable);
  });
  watch.time("pair_agreement_200_resamples", [&] {
    (void)pair_agreement(sample.comparisons, RaterPairs::kDifferent, bootstrap);
  });
}

void time_aggregation(const Sample& sample, Stopwatch& watch) {
  watch.time("majority", [&] { (void)majority(sample.votes, sample.space, 1); });
  watch.time("dawid_skene", [&] { (void)dawid_skene(sample.votes, sample.space); });
  watch.time("mace_one_start",
             [&] { (void)mace(sample.votes, sample.space, {.restarts = 1}); });
  watch.time("mace_ten_starts", [&] { (void)mace(sample.votes, sample.space); });  // as served
  watch.time("bradley_terry", [&] { (void)bradley_terry(kSystems, sample.pairs); });
  watch.time("plackett_luce", [&] { (void)plackett_luce(kCandidates, sample.placed); });
}

void time_people(const Sample& sample, Stopwatch& watch) {
  watch.time("rater_signs", [&] { (void)rater_signs(sample.timed, sample.space); });
  watch.time("position_bias_200_resamples",
             [&] { (void)position_bias(sample.shown, {.resamples = kResamples}); });
}

Status run(int64_t answers) {
  const Sample sample = draw(answers);
  TRY(check(sample));
  Stopwatch watch;
  time_agreement(sample, watch);
  time_aggregation(sample, watch);
  time_people(sample, watch);
  OrderedJson line = {{"answers", sample.votes.size()}};
  line.update(watch.figures());
  std::cout << to_line(line) << "\n";
  return {};
}

}  // namespace
}  // namespace attune::feedback

int main(int count, char** arguments) {
  const int64_t answers = count > 1 ? std::atoll(arguments[1]) : 1'000'000;
  if (answers < 3000 || count > 2) {
    std::cerr << "usage: feedback_bench [ANSWERS], 3000 or more\n";
    return 2;
  }
  const auto status = attune::feedback::run(answers);
  if (status.ok()) return 0;
  std::cerr << status.error().message() << "\n";
  return 1;
}
