// Position and length bias, correlation and sample sizes.
#include "feedback/presentation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "feedback/aggregation_golden.h"
#include "feedback/power.h"
#include "feedback/scored_pairs.h"
#include "feedback/win_rate.h"
#include "tests/support/test_paths.h"

namespace attune::feedback {
namespace {

TEST(PositionBias, CountsWhatStoodFirst) {
  // Candidate 1 was shown first and preferred; then shown second and preferred; then a tie.
  const std::vector<ShownRanking> rankings = {
      {0, {1, 0}, {2, 1}}, {1, {0, 1}, {2, 1}}, {2, {0, 1}, {1, 1}}, {3, {1, 0}, {2, 1}}};
  const auto found = position_bias(rankings).value();
  EXPECT_EQ(found.choices, 3);
  EXPECT_EQ(found.first_chosen, 2);
  EXPECT_NEAR(found.first_share->estimate, 2.0 / 3, 1e-12);
  EXPECT_NEAR(found.p_value, fair_coin_p_value(2, 3), 1e-15);
  EXPECT_EQ(found.mean_rank_by_place, (std::vector<double>{1.25, 1.5}));
}

TEST(PositionBias, WholeRankingsArePairsOfPlaces) {
  const std::vector<ShownRanking> rankings = {{0, {2, 0, 1}, {3, 2, 1}}};
  const auto found = position_bias(rankings).value();  // ranks by place: 1, 3, 2
  EXPECT_EQ(found.choices, 3);
  EXPECT_EQ(found.first_chosen, 2);
  EXPECT_EQ(found.mean_rank_by_place, (std::vector<double>{1, 3, 2}));
}

// Five rankings of four are five witnesses, not thirty.
TEST(PositionBias, PairsOfOneRankingAreNotIndependent) {
  std::vector<ShownRanking> rankings;
  for (int64_t i = 0; i < 5; ++i) rankings.push_back({i, {0, 1, 2, 3}, {1, 2, 3, 4}});
  EXPECT_EQ(position_bias(rankings)->choices, 30);
  EXPECT_NEAR(position_bias(rankings)->p_value, 2.0 / 32, 1e-15);
  rankings.push_back({5, {0, 1, 2, 3}, {2, 1, 3, 4}});  // 6 6 6 6 6 4: both extremes only
  EXPECT_NEAR(position_bias(rankings)->p_value, 2.0 / 64, 1e-15);
  rankings[5].ranks = {4, 3, 2, 1};  // 6 6 6 6 6 -6
  EXPECT_NEAR(position_bias(rankings)->p_value, fair_coin_p_value(5, 6), 1e-15);
}

TEST(LengthBias, WhatIsSaidOfOnePromptIsNotIndependent) {
  std::vector<LengthPair> pairs;
  for (int64_t prompt = 0; prompt < 4; ++prompt) {
    for (int person = 0; person < 20; ++person) pairs.push_back({prompt, 9, 5});
  }
  EXPECT_EQ(length_bias(pairs).longer, 80);
  EXPECT_NEAR(length_bias(pairs).p_value, 2.0 / 16, 1e-15);
}

TEST(PositionBias, RefusesAnOrderThatIsNone) {
  for (const std::vector<int64_t>& order :
       {std::vector<int64_t>{0, 0}, {0, 2}, {-1, 0}, {0}, {0, 1, 2}}) {
    const std::vector<ShownRanking> rankings = {{0, order, {1, 2}}};
    EXPECT_FALSE(position_bias(rankings).ok());
  }
  EXPECT_EQ(position_bias({})->choices, 0);
  EXPECT_EQ(position_bias({})->p_value, 1);
}

TEST(LengthBias, CountsLongerAndShorter) {
  const std::vector<LengthPair> pairs = {{0, 10, 5}, {1, 10, 8}, {2, 3, 9}, {3, 4, 4}};
  const LengthBias found = length_bias(pairs);
  EXPECT_EQ(found.longer, 2);
  EXPECT_EQ(found.shorter, 1);
  EXPECT_EQ(found.equal, 1);
  EXPECT_NEAR(found.longer_share->estimate, 2.0 / 3, 1e-12);
  EXPECT_NEAR(found.mean_difference, 0.25, 1e-12);
  EXPECT_FALSE(length_bias({}).longer_share.has_value());
}

TEST(Correlation, EqualsAnotherImplementation) {
  const Json& one = aggregation_golden()["correlation"];
  const auto a = one["a"].get<std::vector<double>>(), b = one["b"].get<std::vector<double>>();
  EXPECT_NEAR(*correlation(a, b), one["found"].get<double>(), 1e-12);
  const std::vector<double> flat = {1, 1, 1}, rising = {1, 2, 3};
  EXPECT_FALSE(correlation(flat, rising).has_value());
}

TEST(Power, QuantilesOfTheNormal) {
  for (const Json& one : aggregation_golden()["normal_quantiles"]) {
    const auto expected = one[1].get<double>();
    EXPECT_NEAR(normal_quantile(one[0].get<double>()), expected,
                1e-9 * std::max(1.0, std::abs(expected)));
  }
}

TEST(Power, PublishedSampleSizes) {
  const std::pair<double, int64_t> sizes[] = {
      {0.55, 783}, {0.60, 194}, {0.65, 85}, {0.70, 47}, {0.75, 29}, {0.40, 194}};
  for (const auto& [rate, needed] : sizes) EXPECT_EQ(comparisons_needed(rate).value(), needed);
  EXPECT_EQ(comparisons_needed(0.6, {.tie_rate = 0.5}).value(), 388);
  EXPECT_FALSE(comparisons_needed(0.5).ok());
  EXPECT_FALSE(comparisons_needed(1.0).ok());
  EXPECT_FALSE(comparisons_needed(0.6, {.tie_rate = 1.0}).ok());
}

// 999 pairs judged by three people; the winner by majority, lengths in code points.
TEST(PresentationSample, PandaLmWinnersAreLonger) {
  SKIP_WITHOUT_SAMPLE(path, "pandalm/testset-v1.json");
  const auto text = [](const Json& value) -> std::string {
    if (value.is_string()) return value.get<std::string>();
    return value.get<bool>() ? "True" : "False";
  };
  const auto points = [](const std::string& bytes) {
    double count = 0;
    for (const char c : bytes) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    return count;
  };
  std::vector<LengthPair> pairs;
  std::vector<ShownRanking> rankings;
  for (const Json& row : read_json_file(path).value()) {
    int votes[3] = {0, 0, 0};
    for (const char* name : {"annotator1", "annotator2", "annotator3"}) {
      ++votes[row[name].get<int>()];
    }
    const auto item = static_cast<int64_t>(rankings.size());
    const bool first = votes[1] >= 2, second = votes[2] >= 2;
    rankings.push_back({item, {0, 1}, {first || !second ? 1 : 2, second || !first ? 1 : 2}});
    if (!first && !second) continue;
    const double a = points(text(row["response1"])), b = points(text(row["response2"]));
    pairs.push_back({item, first ? a : b, first ? b : a});
  }
  const LengthBias lengths = length_bias(pairs);
  EXPECT_EQ(lengths.longer, 599);
  EXPECT_EQ(lengths.shorter, 288);
  EXPECT_EQ(lengths.equal, 7);
  const auto places = position_bias(rankings).value();
  EXPECT_EQ(places.first_chosen, 422);
  EXPECT_EQ(places.choices, 894);
  EXPECT_NEAR(places.p_value, 0.101200, 1e-6);
}

}  // namespace
}  // namespace attune::feedback
