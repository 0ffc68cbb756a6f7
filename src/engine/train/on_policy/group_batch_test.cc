#include "engine/train/on_policy/group_batch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/train/on_policy/group_config.h"

namespace attune::engine::train {
namespace {

using objectives::Aggregation;

// Prompts with answers of these lengths; odd samples do not end. Scores count up.
std::vector<Rollout> rollouts_of(const std::vector<std::vector<int64_t>>& lengths) {
  std::vector<Rollout> rollouts;
  double score = 1;
  size_t sample = 0;
  for (const std::vector<int64_t>& group : lengths) {
    Rollout rollout;
    rollout.row = static_cast<int64_t>(rollouts.size());
    rollout.tree.prompt = {1, 2};
    for (int64_t length : group) {
      rollout.tree.branches.push_back({std::vector<int32_t>(static_cast<size_t>(length), 5), 0});
      rollout.samples.push_back({std::vector<float>(static_cast<size_t>(length), -1), {}, "",
                                 sample++ % 2 == 0, score});
      score *= 2;
    }
    rollouts.push_back(std::move(rollout));
  }
  return rollouts;
}

SampleValues constant(const std::vector<Rollout>& rollouts, float value) {
  SampleValues values;
  for (const Rollout& rollout : rollouts) {
    for (const models::TokenBranch& branch : rollout.tree.branches) {
      values.emplace_back(branch.ids.size(), value);
    }
  }
  return values;
}

GroupBatch batch_of(const std::vector<Rollout>& rollouts, const GroupSettings& settings,
                    std::map<std::string, double>* metrics = nullptr) {
  std::map<std::string, double> dropped;
  SampleValues reference;
  if (settings.needs_reference()) reference = constant(rollouts, -1.5F);
  return make_group_batch(rollouts, captured_log_probs(rollouts), std::move(reference), settings,
                          metrics != nullptr ? metrics : &dropped);
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6) << i;
}

// Literal values of rewards [1, 2, 4] (RLOO -2, -0.5, 2.5; GRPO with unbiased deviation).
TEST(GroupBatch, AdvantagesOfTheMethods) {
  const auto rollouts = rollouts_of({{2, 3, 4}});
  GroupSettings settings;
  settings.algorithm = GroupAlgorithm::kRloo;
  expect_near(batch_of(rollouts, settings).advantages, {-2, -0.5, 2.5});
  settings.algorithm = GroupAlgorithm::kGrpo;
  expect_near(batch_of(rollouts, settings).advantages, {-0.872814, -0.218204, 1.091018});
  settings.scale = objectives::RewardScale::kNone;
  expect_near(batch_of(rollouts, settings).advantages, {-4.0 / 3, -1.0 / 3, 5.0 / 3});
}

// A reference that is held for another reason (gold, kl_limit) measures, and weighs nothing.
TEST(GroupBatch, AReferenceWithoutBetaMeasuresAndChangesNothing) {
  const auto rollouts = rollouts_of({{2, 3, 4}, {1, 5, 2}});
  for (const GroupAlgorithm algorithm :
       {GroupAlgorithm::kRloo, GroupAlgorithm::kGrpo, GroupAlgorithm::kReinforce}) {
    GroupSettings settings;
    settings.algorithm = algorithm;
    std::map<std::string, double> plain, measured;
    const auto sampled = captured_log_probs(rollouts);
    const GroupBatch without = make_group_batch(rollouts, sampled, {}, settings, &plain);
    const GroupBatch with =
        make_group_batch(rollouts, sampled, constant(rollouts, -1.5F), settings, &measured);
    EXPECT_FALSE(without.kl_per_token.has_value());
    ASSERT_TRUE(with.kl_per_token.has_value());
    EXPECT_NEAR(*with.kl_per_token, 0.5, 1e-6);
    EXPECT_EQ(with.advantages, without.advantages);
    EXPECT_EQ(with.token_advantages, without.token_advantages);
    EXPECT_EQ(with.weights, without.weights);
    EXPECT_FALSE(plain.contains("kl"));
    EXPECT_NEAR(measured.at("kl"), 0.5, 1e-6);
  }
}

// RLOO's KL is the answer's: 0.5 nats a token for 2, 3 and 4 tokens, weighed by beta.
TEST(GroupBatch, RlooTakesTheKlOfAnAnswerFromItsReward) {
  const auto rollouts = rollouts_of({{2, 3, 4}});
  GroupSettings settings;
  settings.algorithm = GroupAlgorithm::kRloo;
  settings.beta = 0.1;
  std::map<std::string, double> metrics;
  const GroupBatch batch = batch_of(rollouts, settings, &metrics);
  // Rewards 0.9, 1.85, 3.8.
  expect_near(batch.advantages, {0.9 - 2.825, 1.85 - 2.35, 3.8 - 1.375});
  EXPECT_NEAR(metrics["kl"], 0.5, 1e-6);
  EXPECT_NEAR(metrics["reward"], 7.0 / 3, 1e-6);  // without KL
  settings.reward_clip = std::pair(0.0, 2.0);
  expect_near(batch_of(rollouts, settings).advantages,
              {0.9 - (1.85 + 1.8) / 2, 1.85 - (0.9 + 1.8) / 2, 1.8 - (0.9 + 1.85) / 2});
}

// Every token's advantage is the score minus the KL still to come, whitened over the step.
TEST(GroupBatch, ReinforcePlusPlusWhitensOverTheStep) {
  const auto rollouts = rollouts_of({{2}, {1}});
  GroupSettings settings;
  settings.algorithm = GroupAlgorithm::kReinforce;
  settings.beta = 0.2;
  const GroupBatch batch = batch_of(rollouts, settings);
  const std::vector<double> raw = {1 - 0.2, 1 - 0.1, 2 - 0.1};  // scores 1 and 2, kl 0.5 a token
  const double mean = (raw[0] + raw[1] + raw[2]) / 3;
  double squares = 0;
  for (double value : raw) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / 2);
  ASSERT_EQ(batch.token_advantages.size(), 2U);
  EXPECT_NEAR(batch.token_advantages[0][0], (raw[0] - mean) / deviation, 1e-5);
  EXPECT_NEAR(batch.token_advantages[0][1], (raw[1] - mean) / deviation, 1e-5);
  EXPECT_NEAR(batch.token_advantages[1][0], (raw[2] - mean) / deviation, 1e-5);
}

TEST(GroupBatch, WhatALossIsDividedBy) {
  const auto rollouts = rollouts_of({{2, 3}, {4, 1}});
  GroupSettings settings;
  settings.policy.max_completion_length = 5;
  const auto weights = [&](Aggregation aggregation) {
    settings.policy.aggregation = aggregation;
    return batch_of(rollouts, settings).weights;
  };
  expect_near(weights(Aggregation::kGrpo), std::vector<double>(4, 1.0 / 4));
  expect_near(weights(Aggregation::kDapo), std::vector<double>(4, 1.0 / 10));
  expect_near(weights(Aggregation::kDrGrpo), std::vector<double>(4, 1.0 / 20));
  settings.micro_batch = 2;
  expect_near(weights(Aggregation::kBnpo), {1.0 / 10, 1.0 / 10, 1.0 / 10, 1.0 / 10});
  settings.micro_batch = 3;  // 9 tokens and 1
  expect_near(weights(Aggregation::kBnpo), {1.0 / 18, 1.0 / 18, 1.0 / 18, 1.0 / 2});
  settings.updates = 2;
  settings.micro_batch = 2;
  expect_near(weights(Aggregation::kGrpo), std::vector<double>(4, 1.0 / 2));
  expect_near(weights(Aggregation::kDapo), std::vector<double>(4, 1.0 / 5));
}

// Answers that did not end have no loss; means over answers still count them, as in TRL.
TEST(GroupBatch, TruncatedAnswersCanBeLeftOut) {
  const auto rollouts = rollouts_of({{2, 3}, {4, 1}});
  GroupSettings settings;
  settings.mask_truncated = true;
  settings.policy.aggregation = Aggregation::kGrpo;
  expect_near(batch_of(rollouts, settings).weights, {1.0 / 4, 0, 1.0 / 4, 0});
  settings.policy.aggregation = Aggregation::kDapo;
  expect_near(batch_of(rollouts, settings).weights, {1.0 / 6, 0, 1.0 / 6, 0});
}

TEST(GroupBatch, EqualRewardsAreCounted) {
  auto rollouts = rollouts_of({{2, 3}, {4, 1}});
  rollouts[1].samples[0].score = rollouts[1].samples[1].score;
  std::map<std::string, double> metrics;
  const GroupBatch batch = batch_of(rollouts, {}, &metrics);
  EXPECT_DOUBLE_EQ(metrics["frac_reward_zero_std"], 0.5);
  EXPECT_DOUBLE_EQ(batch.advantages[2], 0);
  EXPECT_DOUBLE_EQ(batch.advantages[3], 0);
}

TEST(GroupBatch, UpdatesShareOutThePrompts) {
  using Parts = std::vector<std::vector<int64_t>>;
  EXPECT_EQ(rollouts_of_updates(4, 1), (Parts{{0, 1, 2, 3}}));
  EXPECT_EQ(rollouts_of_updates(6, 3), (Parts{{0, 1}, {2, 3}, {4, 5}}));
}

TEST(GroupConfig, AnswersBecomePrompts) {
  BatchOptions batch;
  batch.rows_per_batch = 8;
  batch.accumulation = 2;
  const auto shape = [&](const Json& config) { return read_group_shape(config, batch); };
  EXPECT_EQ(shape({{"num_generations", 4}}).value().prompts, 4);
  EXPECT_EQ(shape({{"num_generations", 4}}).value().updates, 1);
  EXPECT_EQ(shape({{"num_generations", 4}, {"steps_per_generation", 4}}).value().prompts, 8);
  EXPECT_EQ(shape({{"num_generations", 4}, {"steps_per_generation", 4}}).value().updates, 2);
  EXPECT_EQ(shape({{"num_generations", 8}, {"generation_batch_size", 48}}).value().updates, 3);
  const auto refused = [&](const Json& config, const std::string& option) {
    const auto result = shape(config);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().message().find(option), 0U) << result.error().message();
  };
  refused({{"num_generations", 3}}, "num_generations: 3 does not divide the 16 answers");
  refused({{"num_generations", 4}, {"steps_per_generation", 3}}, "steps_per_generation: 3");
  refused({{"num_generations", 4}, {"generation_batch_size", 12}}, "generation_batch_size: 12");
  refused({{"num_generations", 32}, {"steps_per_generation", 4}}, "steps_per_generation: the 1");
  refused({{"num_generations", 4}, {"steps_per_generation", 2}, {"generation_batch_size", 16}},
          "generation_batch_size and steps_per_generation exclude");
  batch.tokens_per_step = 100;
  refused({{"num_generations", 4}}, "tokens_per_step");
}

TEST(GroupConfig, ValuesThatMakeNoSenseAreNamed) {
  TrainingOptions options;
  const auto refused = [&](Json config, GroupAlgorithm algorithm, const std::string& part) {
    config.emplace("num_generations", 4);
    const auto result = read_group_setup(config, algorithm, options);
    ASSERT_FALSE(result.ok()) << part;
    EXPECT_NE(result.error().message().find(part), std::string::npos) << result.error().message();
  };
  refused({{"num_generations", 1}}, GroupAlgorithm::kRloo, "at least 2");
  refused({{"num_generations", 1}}, GroupAlgorithm::kGrpo, "at least 2");
  refused({{"num_generations", 1}, {"advantage_baseline", "group"}}, GroupAlgorithm::kReinforce,
          "at least 2");
  refused({{"temperature", 0}}, GroupAlgorithm::kRloo, "temperature: is 0");
  refused({{"loss_type", "gropo"}}, GroupAlgorithm::kGrpo, "loss_type");
  refused({{"reward_clip_range", {1, 0}}}, GroupAlgorithm::kRloo, "reward_clip_range");
  refused({{"reward_clip_range", {"low", "high"}}}, GroupAlgorithm::kRloo, "reward_clip_range");
  refused({{"importance_sampling_level", "word"}}, GroupAlgorithm::kGrpo,
          "importance_sampling_level");
  EXPECT_TRUE(read_group_setup({{"num_generations", 1}}, GroupAlgorithm::kReinforce, options).ok());
}

}  // namespace
}  // namespace attune::engine::train
