#include "engine/train/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace attune::engine::train {
namespace {

using Rows = std::vector<int64_t>;

BatchOptions options_of(int64_t batch, int64_t accumulation, Sampling sampling) {
  BatchOptions options;
  options.rows_per_batch = batch;
  options.accumulation = accumulation;
  options.sampling = sampling;
  options.epochs = 2;
  return options;
}

// Transformers: 5 rows in batches of 2 are 3 batches; accumulation 2 makes steps of 2 and 1
// batches.
TEST(SamplerTest, SequentialStepsWithAPartialLastOne) {
  Sampler sampler(options_of(2, 2, Sampling::kSequential), 1, Rows(5, 10));
  EXPECT_EQ(sampler.total_steps(), 4);
  EXPECT_EQ(sampler.rows_of(0).rows, (Rows{0, 1, 2, 3}));
  const StepRows last = sampler.rows_of(1);
  EXPECT_EQ(last.rows, (Rows{4}));
  EXPECT_TRUE(last.ends_epoch);
  EXPECT_DOUBLE_EQ(last.epochs_done, 1.0);
  EXPECT_EQ(sampler.rows_of(2).rows, (Rows{0, 1, 2, 3}));
  EXPECT_EQ(sampler.rows_of(2).epoch, 1);
  EXPECT_DOUBLE_EQ(sampler.rows_of(2).epochs_done, 1.8);
}

TEST(SamplerTest, DropLastLeavesIncompleteBatchesOut) {
  BatchOptions options = options_of(2, 2, Sampling::kSequential);
  options.drop_last = true;
  Sampler sampler(options, 1, Rows(7, 10));
  EXPECT_EQ(sampler.rows_of(1).rows, (Rows{4, 5}));
  EXPECT_TRUE(sampler.rows_of(1).ends_epoch);
  EXPECT_EQ(sampler.total_steps(), 4);
}

TEST(SamplerTest, EpochsMayBeAShareAndMaxStepsOverrides) {
  BatchOptions options = options_of(4, 1, Sampling::kSequential);
  options.epochs = 1.5;
  EXPECT_EQ(Sampler(options, 1, Rows(10, 1)).total_steps(), 5);
  options.max_steps = 7;
  EXPECT_EQ(Sampler(options, 1, Rows(10, 1)).total_steps(), 7);
}

TEST(SamplerTest, RandomCoversEveryRowOnceAnEpochAndDiffersByEpochAndSeed) {
  const BatchOptions options = options_of(3, 1, Sampling::kRandom);
  Sampler sampler(options, 7, Rows(20, 1));
  Rows first, second;
  for (int64_t step = 0; step < 7; ++step) {
    for (int64_t row : sampler.rows_of(step).rows) first.push_back(row);
    for (int64_t row : sampler.rows_of(step + 7).rows) second.push_back(row);
  }
  EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), 20U);
  EXPECT_EQ(std::set<int64_t>(second.begin(), second.end()).size(), 20U);
  EXPECT_NE(first, second);
  EXPECT_NE(Sampler(options, 8, Rows(20, 1)).rows_of(0).rows, sampler.rows_of(0).rows);
}

// A resumed run asks a fresh sampler for its step and gets the same rows.
TEST(SamplerTest, AnyStepCanBeAskedFirst) {
  for (const auto sampling :
       {Sampling::kRandom, Sampling::kSequential, Sampling::kGroupByLength}) {
    BatchOptions options = options_of(2, 2, sampling);
    Rows lengths(23);
    std::iota(lengths.begin(), lengths.end(), 1);
    for (const bool by_tokens : {false, true}) {
      if (by_tokens) options.tokens_per_step = 40;
      Sampler whole(options, 3, lengths);
      std::vector<Rows> steps;
      for (int64_t step = 0; step < 15; ++step) steps.push_back(whole.rows_of(step).rows);
      Sampler late(options, 3, lengths);
      EXPECT_EQ(late.rows_of(11).rows, steps[11]);
      EXPECT_EQ(late.rows_of(2).rows, steps[2]);
    }
  }
}

TEST(SamplerTest, GroupByLengthPutsTheLongestRowFirstAndLikeLengthsTogether) {
  Rows lengths(64);
  for (size_t i = 0; i < lengths.size(); ++i) lengths[i] = static_cast<int64_t>(i * 37 % 64);
  Sampler sampler(options_of(4, 1, Sampling::kGroupByLength), 9, lengths);
  EXPECT_EQ(lengths[static_cast<size_t>(sampler.rows_of(0).rows[0])], 63);
  int64_t spread = 0;
  for (int64_t step = 0; step < 16; ++step) {
    Rows of_step;
    for (int64_t row : sampler.rows_of(step).rows) {
      of_step.push_back(lengths[static_cast<size_t>(row)]);
    }
    const auto [low, high] = std::minmax_element(of_step.begin(), of_step.end());
    spread += *high - *low;
  }
  EXPECT_LT(spread, 16 * 20);  // at random about 38 a step
}

TEST(SamplerTest, TokensPerStepFillsStepsByLength) {
  BatchOptions options = options_of(1, 1, Sampling::kSequential);
  options.tokens_per_step = 10;
  Sampler sampler(options, 1, {6, 6, 3, 4, 9, 2});
  EXPECT_EQ(sampler.rows_of(0).rows, (Rows{0, 1}));
  EXPECT_EQ(sampler.rows_of(1).rows, (Rows{2, 3, 4}));
  EXPECT_EQ(sampler.rows_of(2).rows, (Rows{5}));
  EXPECT_EQ(sampler.rows_of(3).rows, (Rows{0, 1}));
  EXPECT_EQ(sampler.total_steps(), 6);
}

}  // namespace
}  // namespace attune::engine::train
