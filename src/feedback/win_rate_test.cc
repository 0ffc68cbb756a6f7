#include "feedback/win_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace attune::feedback {
namespace {

TEST(Bootstrap, QuantilesAreLinear) {
  const std::vector<double> sorted = {1, 2, 4};
  EXPECT_DOUBLE_EQ(quantile_of_sorted(sorted, 0), 1);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(sorted, 0.25), 1.5);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(sorted, 0.75), 3);
  EXPECT_DOUBLE_EQ(quantile_of_sorted(sorted, 1), 4);
}

TEST(Bootstrap, TheMeansIntervalIsAsWideAsTheorySays) {
  Random random(3);
  std::vector<double> values(400);
  for (double& value : values) value = 5 + 2 * random.normal();
  const Interval interval = bootstrap_mean(values, {.resamples = 4000, .seed = 1}).value();
  EXPECT_NEAR(interval.standard_error, 0.1, 0.01);  // 2 / sqrt(400)
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * interval.standard_error, 0.02);
  EXPECT_EQ(interval.units, 400);
  EXPECT_EQ(interval.resamples, 4000);
}

// 1000 data sets of known mean: the 90 % interval holds it in about 900 of them.
TEST(Bootstrap, TheIntervalCoversTheTruthAsOftenAsItSays) {
  Random random(11);
  int covered = 0;
  for (uint64_t set = 0; set < 1000; ++set) {
    std::vector<double> values(50);
    for (double& value : values) value = random.uniform();
    const auto options = BootstrapOptions{.resamples = 200, .confidence = 0.9, .seed = set};
    const Interval interval = bootstrap_mean(values, options).value();
    covered += interval.low <= 0.5 && 0.5 <= interval.high;
  }
  EXPECT_GT(covered, 850);
  EXPECT_LT(covered, 930);
}

TEST(Bootstrap, PairingRemovesWhatIsShared) {
  Random random(5);
  std::vector<double> a(200);
  std::vector<double> b(200);
  for (size_t i = 0; i < a.size(); ++i) {
    b[i] = 10 * random.normal();
    a[i] = b[i] + 0.2 + 0.1 * random.normal();
  }
  const Interval paired = bootstrap_paired_difference(a, b).value();
  EXPECT_NEAR(paired.estimate, 0.2, 0.03);
  EXPECT_GT(paired.low, 0.15);
  EXPECT_LT(paired.high - paired.low, 0.05);
}

TEST(Bootstrap, ClustersWidenTheInterval) {
  // 40 prompts, each judged ten times with one outcome: as much as 40 judgements, not 400.
  std::vector<double> sums;
  std::vector<double> counts(40, 10);
  std::vector<double> flat;
  for (int i = 0; i < 40; ++i) {
    sums.push_back(i % 2 == 0 ? 10 : 0);
    for (int j = 0; j < 10; ++j) flat.push_back(i % 2 == 0 ? 1 : 0);
  }
  const Interval clustered = bootstrap_ratio(sums, counts).value();
  const Interval naive = bootstrap_mean(flat).value();
  EXPECT_DOUBLE_EQ(clustered.estimate, naive.estimate);
  EXPECT_NEAR(clustered.standard_error / naive.standard_error, std::sqrt(10.0), 0.4);
}

TEST(Bootstrap, WhatIsNotDefinedIsLeftOut) {
  EXPECT_FALSE(bootstrap_mean({}).has_value());
  const std::vector<double> one = {3};
  const Interval single = bootstrap_mean(one).value();
  EXPECT_EQ(single.low, 3);
  EXPECT_EQ(single.high, 3);
  // Without the first unit the ratio is 0/0: of the resamples of two units a quarter.
  const std::vector<double> above = {1, 0};
  const std::vector<double> below = {1, 0};
  const Interval interval = bootstrap_ratio(above, below, {.seed = 2}).value();
  EXPECT_GT(interval.resamples, 700);
  EXPECT_LT(interval.resamples, 800);
}

TEST(WinRate, TiesAreHalfAndPromptsAreTheUnit) {
  const std::vector<JudgedPair> pairs = {{1, 1.0}, {1, 0.5}, {2, 0.0}, {3, 0.8}};
  const WinRate found = win_rate(pairs);
  EXPECT_EQ(found.wins, 2);
  EXPECT_EQ(found.ties, 1);
  EXPECT_EQ(found.losses, 1);
  EXPECT_DOUBLE_EQ(found.rate->estimate, 2.3 / 4);
  EXPECT_EQ(found.rate->units, 3);
  EXPECT_FALSE(win_rate({}).rate.has_value());
}

TEST(LengthControlled, ALengthLovingJudgeIsSeenThrough) {
  Random random(8);
  std::vector<JudgedPair> pairs;
  for (int64_t prompt = 0; prompt < 600; ++prompt) {
    JudgedPair pair{.prompt = prompt};
    pair.other_length = 100 + 50 * random.uniform();
    pair.length = pair.other_length + 30 * (1 + random.normal());  // longer on average
    const double d = (pair.length - pair.other_length) / 30;
    pair.score = random.uniform() < 1 / (1 + std::exp(-3 * std::tanh(d))) ? 1 : 0;
    pairs.push_back(pair);
  }
  const double raw = win_rate(pairs).rate->estimate;
  const LengthControlled controlled =
      length_controlled_win_rate(pairs, {.resamples = 500, .confidence = 0.999});
  EXPECT_GT(raw, 0.7);
  EXPECT_LT(controlled.rate->low, 0.5);  // the truth: neither is better at equal length
  EXPECT_GT(controlled.rate->high, 0.5);
  EXPECT_NEAR(controlled.phi, 3, 0.9);
}

TEST(LengthControlled, OddData) {
  EXPECT_FALSE(length_controlled_win_rate({}).rate.has_value());
  std::vector<JudgedPair> same_length;
  for (int64_t i = 0; i < 10; ++i) same_length.push_back({i, i < 7 ? 1.0 : 0.0, 20, 10});
  // Nothing is said of length: the plain rate, but for the prior.
  EXPECT_NEAR(length_controlled_win_rate(same_length).rate->estimate, 0.7, 1e-3);
  std::vector<JudgedPair> all_won;
  for (int64_t i = 0; i < 20; ++i) all_won.push_back({i, 1.0, 10.0 + static_cast<double>(i), 15});
  const auto won = length_controlled_win_rate(all_won, {.resamples = 50});
  EXPECT_GT(won.rate->estimate, 0.99);
  EXPECT_LT(won.rate->estimate, 1);
}

TEST(FairCoin, ExactTails) {
  EXPECT_DOUBLE_EQ(fair_coin_p_value(0, 0), 1);
  EXPECT_DOUBLE_EQ(fair_coin_p_value(5, 10), 1);
  EXPECT_NEAR(fair_coin_p_value(0, 3), 0.25, 1e-12);
  EXPECT_NEAR(fair_coin_p_value(3, 3), 0.25, 1e-12);
  EXPECT_NEAR(fair_coin_p_value(422, 894), 0.101200, 5e-7);
  EXPECT_NEAR(fair_coin_p_value(100000, 200001), 1, 1e-6);
}

}  // namespace
}  // namespace attune::feedback
