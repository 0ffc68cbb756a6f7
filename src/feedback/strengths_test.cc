// Bradley-Terry with and without ties, Plackett-Luce, Crowd-BT: textbook values, values of other
// implementations (tests/golden/feedback/make_aggregation.py), and the sample data's.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "feedback/aggregation_golden.h"
#include "feedback/crowd_bt.h"
#include "feedback/strengths.h"
#include "tests/support/test_paths.h"

namespace attune::feedback {
namespace {

void expect_near(const std::vector<double>& found, const Json& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i].get<double>(), tolerance) << i;
  }
}

std::vector<PairCount> pairs_of(const Json& rows) {
  std::vector<PairCount> pairs;
  for (const Json& row : rows) {
    pairs.push_back({row[0].get<int64_t>(), row[1].get<int64_t>(), row[2].get<double>(),
                     row[3].get<double>(), row[4].get<double>()});
  }
  return pairs;
}

TEST(BradleyTerry, Textbook) {
  const std::vector<PairCount> pairs = {{0, 1, 7, 3, 0}, {0, 2, 9, 1, 0}, {1, 2, 6, 4, 0}};
  const auto found = bradley_terry(3, pairs).value();
  const double p[] = {2.569229, 0.852007, 0.456829};
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(std::exp(found.b[i]), p[i], 1e-6);
  EXPECT_NEAR(1 / (1 + std::exp(found.b[1] - found.b[0])), 0.750965, 1e-6);
  EXPECT_FALSE(found.tie_parameter.has_value());
  // Two items: the log-odds, split between them.
  const std::vector<PairCount> two = {{0, 1, 3, 1, 0}};
  EXPECT_NEAR(bradley_terry(2, two)->b[0], 0.5 * std::log(3.0), 1e-9);
}

TEST(BradleyTerry, EqualsOtherImplementations) {
  for (const Json& one : aggregation_golden()["pairs"]) {
    const auto items = one["items"].get<int64_t>();
    const auto pairs = pairs_of(one["pairs"]);
    expect_near(bradley_terry(items, pairs, {.ties = TieModel::kIgnore})->b, one["ignore"], 1e-4);
    expect_near(
        bradley_terry(items, pairs, {.ties = TieModel::kIgnore, .prior_precision = 1.0})->b,
        one["prior"], 1e-4);
    if (!one.contains("nu")) continue;
    const auto davidson = bradley_terry(items, pairs, {.ties = TieModel::kDavidson}).value();
    expect_near(davidson.b, one["davidson"], 1e-4);
    EXPECT_NEAR(*davidson.tie_parameter, one["nu"].get<double>(), 1e-4);
    const auto rao_kupper = bradley_terry(items, pairs, {.ties = TieModel::kRaoKupper}).value();
    expect_near(rao_kupper.b, one["rao_kupper"], 1e-4);
    EXPECT_NEAR(*rao_kupper.tie_parameter, one["theta"].get<double>(), 1e-4);
  }
}

TEST(BradleyTerry, StrengthsWithoutBoundAreRefusedUnlessThereIsAPrior) {
  const std::vector<PairCount> pairs = {{0, 1, 5, 2, 0}, {1, 2, 4, 0, 0}};  // 2 never wins
  const auto none = bradley_terry(3, pairs);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message().find("prior_precision"), std::string::npos);
  const auto prior = bradley_terry(3, pairs, {.prior_precision = 0.1}).value();
  EXPECT_GT(prior.b[1], prior.b[2]);
  const std::vector<PairCount> apart = {{0, 1, 2, 2, 0}, {2, 3, 2, 2, 0}};
  EXPECT_FALSE(bradley_terry(4, apart).ok());
}

TEST(BradleyTerry, BadCountsAreNamed) {
  const std::vector<std::vector<PairCount>> wrong = {
      {{0, 3, 1, 1, 0}}, {{-1, 1, 1, 1, 0}}, {{1, 1, 1, 1, 0}}, {{0, 1, -1, 1, 0}},
      {{0, 1, NAN, 1, 0}}};
  for (const auto& pairs : wrong) EXPECT_FALSE(bradley_terry(2, pairs).ok());
  const std::vector<PairCount> untied = {{0, 1, 1, 1, 0}};
  EXPECT_FALSE(bradley_terry(2, untied, {.ties = TieModel::kDavidson}).ok());
  EXPECT_FALSE(bradley_terry(1, {}).ok());
}

TEST(PlackettLuce, Textbook) {
  EXPECT_NEAR(plackett_luce_log_probability({1, 0.5, -0.5}, {{0, 1, 2}, {}}), -0.917392, 1e-6);
  // Of two items it is Bradley-Terry.
  std::vector<PlacedItems> rankings(3, {{0, 1}, {}});
  rankings.push_back({{1, 0}, {}});
  EXPECT_NEAR(plackett_luce(2, rankings)->b[0], 0.5 * std::log(3.0), 1e-9);
}

TEST(PlackettLuce, EqualsAnotherImplementation) {
  for (const Json& one : aggregation_golden()["rankings"]) {
    std::vector<PlacedItems> rankings;
    for (const Json& order : one["rankings"]) {
      rankings.push_back({order.get<std::vector<int64_t>>(), {}});
    }
    const auto found = plackett_luce(one["items"].get<int64_t>(), rankings).value();
    expect_near(found.b, one["b"], 1e-4);
    double sum = 0;
    for (const PlacedItems& ranking : rankings) {
      sum += plackett_luce_log_probability(found.b, ranking);
    }
    EXPECT_NEAR(found.log_likelihood, sum, 1e-8);
  }
}

// The best of four, the others unplaced, is a choice among four.
TEST(PlackettLuce, TopRankingsAreChoices) {
  std::vector<PlacedItems> rankings;
  for (int64_t item = 0; item < 4; ++item) {
    for (int64_t times = 0; times <= item; ++times) {
      PlacedItems one{{item}, {}};
      for (int64_t other = 0; other < 4; ++other) {
        if (other != item) one.unplaced.push_back(other);
      }
      rankings.push_back(one);
    }
  }
  const auto found = plackett_luce(4, rankings).value();
  for (size_t item = 1; item < 4; ++item) {
    EXPECT_NEAR(found.b[item] - found.b[0], std::log(static_cast<double>(item + 1)), 1e-7);
  }
  const std::vector<PlacedItems> twice = {{{0, 0}, {}}};
  EXPECT_FALSE(plackett_luce(2, twice).ok());
}

TEST(CrowdBt, EqualsAGeneralMinimiser) {
  for (const Json& one : aggregation_golden()["crowd"]) {
    std::vector<RatedPair> pairs;
    for (const Json& row : one["pairs"]) {
      pairs.push_back({row[0].get<int64_t>(), row[1].get<int64_t>(), row[2].get<int64_t>()});
    }
    const auto found =
        crowd_bt(one["items"].get<int64_t>(), one["raters"].get<int64_t>(), pairs,
                 {.prior_precision = one["precision"].get<double>(),
                  .right = one["right"].get<double>(),
                  .wrong = one["wrong"].get<double>(),
                  .iterations_max = 20000,
                  .tolerance = 1e-13})
            .value();
    EXPECT_TRUE(found.converged);
    expect_near(found.b, one["b"], 1e-3);
    expect_near(found.reliability, one["eta"], 1e-3);
  }
}

TEST(CrowdBt, RefusesWhatDoesNotFit) {
  const std::vector<RatedPair> itself = {{0, 0, 0}}, outside = {{0, 1, 2}}, fine = {{0, 1, 0}};
  EXPECT_FALSE(crowd_bt(2, 1, itself).ok());
  EXPECT_FALSE(crowd_bt(2, 1, outside).ok());
  EXPECT_FALSE(crowd_bt(2, 1, {}).ok());
  EXPECT_FALSE(crowd_bt(2, 1, fine, {.prior_precision = 0}).ok());
  EXPECT_TRUE(crowd_bt(2, 1, fine).ok());
}

// Five systems, each pair judged by the majority of three people.
TEST(StrengthsSample, PandaLm) {
  SKIP_WITHOUT_SAMPLE(path, "pandalm/testset-v1.json");
  std::map<std::string, int64_t> systems = {{"bloom-7b", 0},
                                            {"cerebras-gpt-6.7B", 1},
                                            {"llama-7b", 2},
                                            {"opt-7b", 3},
                                            {"pythia-6.9b", 4}};
  std::vector<PairCount> pairs;
  for (const Json& row : read_json_file(path).value()) {
    int votes[3] = {0, 0, 0};
    for (const char* name : {"annotator1", "annotator2", "annotator3"}) {
      ++votes[row[name].get<int>()];
    }
    const auto key = row["cmp_key"].get<std::string>();
    const size_t cut = key.find('_');
    PairCount pair{systems.at(key.substr(0, cut)), systems.at(key.substr(cut + 1)), 0, 0, 0};
    (votes[1] >= 2 ? pair.first_wins : votes[2] >= 2 ? pair.second_wins : pair.ties) = 1;
    pairs.push_back(pair);
  }
  const auto check = [&](TieModel ties, std::vector<double> expected, double parameter,
                         double nll) {
    const auto found = bradley_terry(5, pairs, {.ties = ties}).value();
    for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(found.b[i], expected[i], 2e-6) << i;
    if (parameter > 0) {
      EXPECT_NEAR(*found.tie_parameter, parameter, 2e-6);
      EXPECT_NEAR(-found.log_likelihood, nll, 1e-4);
    }
  };
  check(TieModel::kHalfWin, {-0.018195, -0.536753, 0.724316, -0.242983, 0.073614}, 0, 0);
  check(TieModel::kIgnore, {-0.018355, -0.595263, 0.804612, -0.280849, 0.089855}, 0, 0);
  check(TieModel::kDavidson, {-0.020727, -0.606591, 0.818972, -0.274476, 0.082823}, 0.251433,
        897.829249);
  check(TieModel::kRaoKupper, {-0.019403, -0.550410, 0.740435, -0.240882, 0.070260}, 1.264872,
        897.279147);
}

}  // namespace
}  // namespace attune::feedback
