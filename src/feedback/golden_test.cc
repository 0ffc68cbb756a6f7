// Values of other implementations (tests/golden/feedback/make_agreement.py), and the figures that
// the sample data are known to give.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "feedback/comparisons.h"
#include "feedback/kappa.h"
#include "feedback/krippendorff.h"
#include "feedback/ranking_agreement.h"
#include "feedback/win_rate.h"
#include "tests/support/test_paths.h"

namespace attune::feedback {
namespace {

const Json& golden() {
  static const Json values =
      read_json_file(testing::source_path("tests/golden/feedback/agreement.json")).value();
  return values;
}

// Rows of raters become answers by item; null is nothing.
template <typename Value>
std::vector<std::vector<Value>> by_item(const Json& rows) {
  std::vector<std::vector<Value>> items(rows[0].size());
  for (const Json& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (!row[i].is_null()) items[i].push_back(row[i].get<Value>());
    }
  }
  return items;
}

TEST(FeedbackGolden, AlphaOfNumbers) {
  ASSERT_EQ(golden()["alpha"].size(), 5u);
  for (const Json& one : golden()["alpha"]) {
    const NumberAnswers items = by_item<double>(one["answers"]);
    const std::pair<const char*, Metric> metrics[] = {{"nominal", Metric::kNominal},
                                                      {"ordinal", Metric::kOrdinal},
                                                      {"interval", Metric::kInterval},
                                                      {"ratio", Metric::kRatio}};
    for (const auto& [name, metric] : metrics) {
      EXPECT_NEAR(krippendorff_alpha(items, metric).value.value(), one[name].get<double>(), 1e-9)
          << name;
    }
  }
}

TEST(FeedbackGolden, AlphaOfSets) {
  ASSERT_EQ(golden()["masi"].size(), 2u);
  for (const Json& one : golden()["masi"]) {
    const SetAnswers items = by_item<LabelSet>(one["answers"]);
    EXPECT_NEAR(krippendorff_alpha(items).value.value(), one["alpha"].get<double>(), 1e-9);
    const auto interval = krippendorff_interval(items, {.resamples = 100});
    EXPECT_NEAR(interval->estimate, one["alpha"].get<double>(), 1e-9);
  }
}

TEST(FeedbackGolden, Kappas) {
  ASSERT_EQ(golden()["kappa"].size(), 3u);
  for (const Json& one : golden()["kappa"]) {
    const auto a = one["a"].get<std::vector<int>>();
    const auto b = one["b"].get<std::vector<int>>();
    const std::pair<const char*, KappaWeights> all[] = {{"none", KappaWeights::kNone},
                                                        {"linear", KappaWeights::kLinear},
                                                        {"quadratic", KappaWeights::kQuadratic}};
    for (const auto& [name, weights] : all) {
      const Kappa kappa = cohen_kappa(a, b, one["categories"].get<int>(), weights).value();
      EXPECT_NEAR(kappa.value.value(), one[name].get<double>(), 1e-9) << name;
    }
  }
  ASSERT_EQ(golden()["fleiss"].size(), 2u);
  for (const Json& one : golden()["fleiss"]) {
    const auto counts = one["counts"].get<std::vector<std::vector<int64_t>>>();
    EXPECT_NEAR(fleiss_kappa(counts).value().value.value(), one["kappa"].get<double>(), 1e-9);
  }
}

TEST(FeedbackGolden, Rankings) {
  ASSERT_EQ(golden()["tau_b"].size(), 3u);
  for (const Json& one : golden()["tau_b"]) {
    const auto a = one["a"].get<std::vector<double>>();
    const auto b = one["b"].get<std::vector<double>>();
    EXPECT_NEAR(kendall_tau_b(a, b).value(), one["tau_b"].get<double>(), 1e-9);
  }
  ASSERT_EQ(golden()["concordance"].size(), 3u);
  for (const Json& one : golden()["concordance"]) {
    const auto rankings = one["rankings"].get<std::vector<std::vector<double>>>();
    EXPECT_NEAR(kendall_w(rankings).value().chi_squared, one["chi_squared"].get<double>(), 1e-9);
  }
}

TEST(FeedbackGolden, WinRatesAndQuantiles) {
  ASSERT_EQ(golden()["length_controlled"].size(), 3u);
  for (const Json& one : golden()["length_controlled"]) {
    std::vector<JudgedPair> pairs;
    for (const Json& pair : one["pairs"]) {
      pairs.push_back({static_cast<int64_t>(pairs.size()), pair[0].get<double>(),
                       pair[1].get<double>(), pair[2].get<double>()});
    }
    const LengthControlled found = length_controlled_win_rate(pairs, {.resamples = 10});
    EXPECT_NEAR(found.theta, one["theta"].get<double>(), 1e-4);
    EXPECT_NEAR(found.phi, one["phi"].get<double>(), 1e-4);
  }
  for (const Json& one : golden()["coin"]) {
    EXPECT_NEAR(fair_coin_p_value(one[0].get<int64_t>(), one[1].get<int64_t>()),
                one[2].get<double>(), 1e-9);
  }
  auto values = golden()["quantiles"]["values"].get<std::vector<double>>();
  std::sort(values.begin(), values.end());
  for (size_t i = 0; i < golden()["quantiles"]["at"].size(); ++i) {
    EXPECT_NEAR(quantile_of_sorted(values, golden()["quantiles"]["at"][i].get<double>()),
                golden()["quantiles"]["found"][i].get<double>(), 1e-12);
  }
}

// PandaLM's test set: 999 items, three people, 0 tie, 1 or 2 better. The kappas 0.85, 0.88 and 0.86
// are its authors'.
TEST(FeedbackSample, PandaLm) {
  SKIP_WITHOUT_SAMPLE(path, "pandalm/testset-v1.json");
  const Json rows = read_json_file(path).value();
  std::vector<std::vector<int>> raters(3);  // in the order 1 < 0 < 2
  NumberAnswers items;
  NumberAnswers fewer;  // the third person did not answer every tenth item
  std::vector<std::vector<int64_t>> counts;
  std::vector<Comparison> answers;
  const int place[] = {1, 0, 2};
  const Choice choice[] = {Choice::kTie, Choice::kFirst, Choice::kSecond};
  for (const Json& row : rows) {
    items.emplace_back();
    counts.push_back({0, 0, 0});
    for (size_t r = 0; r < 3; ++r) {
      const auto answer = row["annotator" + std::to_string(r + 1)].get<size_t>();
      raters[r].push_back(place[answer]);
      items.back().push_back(place[answer]);
      ++counts.back()[answer];
      answers.push_back(
          {static_cast<int64_t>(items.size()), 0, static_cast<int64_t>(r), choice[answer]});
    }
    fewer.push_back(items.back());
    if (fewer.size() % 10 == 1) fewer.back()[2] = NAN;
  }
  const std::tuple<size_t, size_t, double, double, double> pairs[] = {
      {0, 1, 0.852023, 0.858938, 0.863505},
      {0, 2, 0.878944, 0.888320, 0.894492},
      {1, 2, 0.861662, 0.868734, 0.873491}};
  for (const auto& [a, b, plain, linear, quadratic] : pairs) {
    const auto kappa = [&, a = a, b = b](KappaWeights weights) {
      return cohen_kappa(raters[a], raters[b], 3, weights).value().value.value();
    };
    EXPECT_NEAR(kappa(KappaWeights::kNone), plain, 1e-6);
    EXPECT_NEAR(kappa(KappaWeights::kLinear), linear, 1e-6);
    EXPECT_NEAR(kappa(KappaWeights::kQuadratic), quadratic, 1e-6);
  }
  EXPECT_NEAR(*fleiss_kappa(counts).value().value, 0.864175, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(items, Metric::kNominal).value, 0.864221, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(items, Metric::kOrdinal).value, 0.877464, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(items, Metric::kInterval).value, 0.877217, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(fewer, Metric::kNominal).value, 0.863081, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(fewer, Metric::kOrdinal).value, 0.876799, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(fewer, Metric::kInterval).value, 0.876530, 1e-6);
  const auto interval = krippendorff_interval(items, Metric::kNominal).value();
  EXPECT_NEAR(interval.low, 0.841, 0.003);
  EXPECT_NEAR(interval.high, 0.887, 0.003);
  EXPECT_NEAR(interval.standard_error, 0.0116, 0.001);
  const PairAgreement people = pair_agreement(answers, RaterPairs::kDifferent);
  EXPECT_EQ(people.comparisons, 2620);
  EXPECT_EQ(people.agreements, 2482);
  EXPECT_NEAR(flip_rate(people.rate->estimate), 0.027069, 1e-6);
}

// SQuALITY's evaluation: 100 questions, three systems, three of four people each.
TEST(FeedbackSample, SqualityRankings) {
  SKIP_WITHOUT_SAMPLE(path, "squality-human-eval/all-responses.jsonl");
  RankingAnswers rankings;
  NumberAnswers ratings;
  double w = 0;
  const std::string bytes = read_file(path).value();
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = bytes.find('\n', at);
    const Json passage = parse_json(std::string_view(bytes).substr(at, end - at)).value();
    at = end == std::string::npos ? bytes.size() : end + 1;
    for (const Json& systems : passage["questions"]) {
      std::map<std::string, std::vector<double>> by_worker;
      for (const Json& system : systems) {
        ratings.emplace_back();
        for (const Json& review : system["reviews"]) {
          by_worker[review["worker_id"]].push_back(review["overall-rank"].get<double>());
          ratings.back().push_back(review["overall-rating"].get<double>());
        }
      }
      rankings.emplace_back();
      for (auto& [worker, ranks] : by_worker) rankings.back().push_back(ranks);
      w += *kendall_w(rankings.back()).value().w;
    }
  }
  EXPECT_EQ(rankings.size(), 100u);
  EXPECT_NEAR(w / 100, 0.864444, 1e-6);
  const Alpha exchangeable = ranking_alpha(rankings, RankingExpectation::kExchangeable).value();
  EXPECT_NEAR(exchangeable.observed, 0.128889, 1e-6);
  EXPECT_NEAR(*exchangeable.value, 0.742222, 1e-6);
  const Alpha pooled = ranking_alpha(rankings, RankingExpectation::kPooled).value();
  EXPECT_NEAR(pooled.expected, 0.173460, 1e-6);
  EXPECT_NEAR(*pooled.value, 0.256952, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(ratings, Metric::kInterval).value, 0.798256, 1e-6);
  EXPECT_NEAR(*krippendorff_alpha(ratings, Metric::kOrdinal).value, 0.721805, 1e-6);
}

}  // namespace
}  // namespace attune::feedback
