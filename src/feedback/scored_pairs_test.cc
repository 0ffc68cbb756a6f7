#include "feedback/scored_pairs.h"

#include <gtest/gtest.h>

#include <cmath>

namespace attune::feedback {
namespace {

// Values of the human-feedback reference page (computed there by hand).
TEST(CalibrationTest, BrierAndNllOfTheWorkedExample) {
  const std::vector<double> p = {.95, .9, .8, .7, .6, .55}, y = {1, 1, 1, 0, 1, 0};
  const auto result = calibration(p, y);
  ASSERT_TRUE(result.has_value());
  EXPECT_NEAR(result->brier, 0.1675, 1e-9);
  EXPECT_NEAR(result->nll, 0.482184, 1e-6);
}

TEST(CalibrationTest, EceIsTheGapBetweenConfidenceAndAccuracy) {
  // 0.9 four times, right three times: |0.75 - 0.9|; 0.3 is a confidence of 0.7 in the other side.
  const std::vector<double> p = {.9, .9, .9, .9, .3, .3}, y = {1, 1, 1, 0, 0, 1};
  const auto result = calibration(p, y);
  EXPECT_NEAR(result->ece, 4.0 / 6 * 0.15 + 2.0 / 6 * 0.2, 1e-12);
  int64_t counted = 0;
  for (const CalibrationBin& bin : result->bins) counted += bin.count;
  EXPECT_EQ(counted, 6);
  EXPECT_FALSE(calibration({}, {}).has_value());
  const std::vector<double> certain = {1.0, 0.0}, right = {1, 0};
  EXPECT_EQ(calibration(certain, right)->ece, 0);
  EXPECT_EQ(calibration(certain, right)->nll, 0);
}

TEST(CalibrationTest, TheFittedTemperatureHasTheLeastNll) {
  const std::vector<double> d = {4, 3, 2, 1, -1, 6, 5}, y = {1, 1, 0, 1, 0, 1, 0};
  const double t = fit_temperature(d, y).value();
  const auto nll = [&](double temperature) {
    return calibration(preference_probabilities(d, temperature), y)->nll;
  };
  EXPECT_LT(nll(t), nll(t * 1.01));
  EXPECT_LT(nll(t), nll(t / 1.01));
  EXPECT_LT(nll(t), nll(1));
}

TEST(CalibrationTest, TemperatureKnowsItsEnds) {
  const std::vector<double> d = {1, 2, -1}, right = {1, 1, 0}, wrong = {0, 0, 1}, none = {0, 0, 0};
  EXPECT_EQ(fit_temperature(d, right), 1e-3);
  EXPECT_EQ(fit_temperature(d, wrong), 1e3);
  EXPECT_FALSE(fit_temperature(none, right).has_value());
  EXPECT_FALSE(fit_temperature({}, {}).has_value());
}

std::vector<ScoredPair> pairs() {
  return {{.better = 2, .worse = 1, .better_tokens = 9, .worse_tokens = 3, .annotator = "ann"},
          {.better = 0.2, .worse = 0, .better_tokens = 2, .worse_tokens = 3, .rank_gap = 2,
           .annotator = "ann"},
          {.better = 0, .worse = 3, .better_tokens = 4, .worse_tokens = 4, .annotator = "bo",
           .unit = 1},
          {.better = 1, .worse = 1, .better_tokens = 5, .worse_tokens = 4, .annotator = "bo",
           .unit = 1},                                              // equal scores are not right
          {.better = 0, .worse = 9, .probability = 0.5, .unit = 2},  // a tie is no preference
          {.better = 0, .worse = 0.7, .probability = 0.2, .better_tokens = 1, .worse_tokens = 8,
           .unit = 3}};  // most people preferred the second: right
}

TEST(ScoredPairsTest, CountsWhatPeoplePreferred) {
  const ScoredPairReport report = report_scored_pairs(pairs());
  EXPECT_EQ(report.all.pairs, 5);
  EXPECT_EQ(report.all.right, 3);
  EXPECT_EQ(report.by_annotator.at("ann").value(), 1.0);
  EXPECT_EQ(report.by_annotator.at("bo").value(), 0.0);
  EXPECT_EQ(report.by_rank_gap.at(2).pairs, 1);
  EXPECT_NEAR(report.margin, (1 + 0.2 - 3 + 0 - 9 - 0.7) / 6, 1e-12);
}

TEST(ScoredPairsTest, SplitsByMarginAndLength) {
  const ScoredPairReport report = report_scored_pairs(pairs());
  ASSERT_EQ(report.by_margin.size(), 4U);
  EXPECT_EQ(report.by_margin[0].accuracy.pairs, 2);  // 0.2 and 0
  EXPECT_EQ(report.by_margin[0].accuracy.right, 1);
  EXPECT_EQ(report.by_margin[1].accuracy.pairs, 1);  // 0.7
  EXPECT_EQ(report.by_margin[2].accuracy.pairs, 1);  // 1
  EXPECT_EQ(report.by_margin[3].accuracy.right, 0);  // 3
  // The last pair's preferred side is its second, of 8 tokens.
  EXPECT_EQ(report.longer_preferred.pairs, 3);
  EXPECT_EQ(report.longer_preferred.right, 2);
  EXPECT_EQ(report.shorter_preferred.pairs, 1);
  EXPECT_EQ(report.by_length.pairs, 4);
  EXPECT_EQ(report.by_length.right, 3);
}

// The interval's unit is the row: two pairs of one ranking count as one.
TEST(ScoredPairsTest, IntervalsAreOverRows) {
  const ScoredPairReport report = report_scored_pairs(pairs());
  ASSERT_TRUE(report.interval.has_value());
  EXPECT_EQ(report.interval->units, 3);  // rows 0, 1 and 3; row 2 has only a tie
  EXPECT_NEAR(report.interval->estimate, 0.6, 1e-12);
}

TEST(ScoredPairsTest, NothingToCountIsNoNumber) {
  const ScoredPairReport report = report_scored_pairs({});
  EXPECT_FALSE(report.all.value().has_value());
  EXPECT_FALSE(report.interval.has_value());
  const OrderedJson json = to_json(report);
  EXPECT_TRUE(json["accuracy"].is_null());
  EXPECT_FALSE(json.contains("calibration"));
}

TEST(ScoredPairsTest, CorrelationIsPearsons) {
  const std::vector<double> a = {1, 2, 3, 4}, b = {2, 1, 4, 3}, flat = {1, 1, 1, 1};
  EXPECT_NEAR(*correlation(a, b), 0.6, 1e-12);
  EXPECT_NEAR(*correlation(a, a), 1, 1e-12);
  EXPECT_FALSE(correlation(a, flat).has_value());
}

}  // namespace
}  // namespace attune::feedback
