#include "engine/train/on_policy/gold_reward.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "engine/comm/thread_ranks.h"
#include "engine/train/on_policy/group_config.h"
#include "engine/train/on_policy/online_dpo_method.h"
#include "engine/train/on_policy/small_on_policy.h"

namespace attune::engine::train {
namespace {

double negated(const RewardRequest& request) { return 1 - even_share(request); }

const Json kEvaluations = {{"max_steps", 3}, {"eval_strategy", "steps"}, {"eval_steps", 1},
                           {"eval_on_start", true}};

// Two prompts with two answers each, of which the proxy has scored 1, 2, 3 and 6.
std::vector<Rollout> scored_rollouts() {
  std::vector<Rollout> rollouts(2);
  double score = 1;
  for (Rollout& rollout : rollouts) {
    rollout.row = &rollout - rollouts.data();
    rollout.tree.prompt = {1};
    for (double one : {score, 2 * score}) {
      RolloutSample sample;
      sample.score = one;
      rollout.tree.branches.push_back({{static_cast<int32_t>(one)}, 0});
      rollout.samples.push_back(sample);
    }
    score = 3;
  }
  return rollouts;
}

TEST(GoldReward, IsTheMeanOfTheSameAnswersBesideTheProxyAndTheKl) {
  const auto prompts = small_prompt_rows({"a", "b"}, "held_out.jsonl");
  FunctionReward gold([](const RewardRequest& request) { return 10.0 * request.completion[0]; });
  std::map<std::string, double> metrics;
  const SampleValues sampled = {{-1.0F, -2.0F}, {-0.5F}, {-1.0F}, {-1.0F}};
  const SampleValues reference = {{-1.5F, -2.5F}, {-0.25F}, {-2.0F}, {-1.25F}};
  ASSERT_TRUE(
      add_gold_metrics(nullptr, gold, prompts, scored_rollouts(), sampled, reference, &metrics)
          .ok());
  EXPECT_NEAR(metrics.at("gold/proxy"), 3, 1e-12);
  EXPECT_NEAR(metrics.at("gold/scores"), 30, 1e-12);
  // Scores 10, 20, 30, 60: squares of deviations 400, 100, 0, 900 over 3, then over 4.
  EXPECT_NEAR(metrics.at("gold/scores_error"), std::sqrt(1400.0 / 3 / 4), 1e-9);
  EXPECT_NEAR(metrics.at("gold/kl"), (1.0 - 0.25 + 1.0 + 0.25) / 4, 1e-6);
}

// Four answers, whoever asks: each rank about its own, and all know the same afterwards.
TEST(GoldReward, RanksShareTheJudging) {
  const auto prompts = small_prompt_rows({"a", "b"}, "held_out.jsonl");
  std::atomic<int> asked = 0;
  const SampleValues values(4, {-1.0F});
  comm::on_thread_ranks(3, [&](comm::Communicator& ranks) {
    FunctionReward gold([&](const RewardRequest& request) {
      ++asked;
      return 10.0 * request.completion[0];
    });
    std::map<std::string, double> metrics;
    const Status status =
        add_gold_metrics(&ranks, gold, prompts, scored_rollouts(), values, values, &metrics);
    ASSERT_TRUE(status.ok()) << status.error().message();
    EXPECT_NEAR(metrics.at("gold/scores"), 30, 1e-12);
  });
  EXPECT_EQ(asked, 4);
}

TEST(GoldReward, WhatItCannotJudgeIsNamed) {
  const auto prompts = small_prompt_rows({"a", "b"}, "held_out.jsonl");
  FunctionReward gold([](const RewardRequest& request) {
    return request.completion[0] == 3 ? std::numeric_limits<double>::quiet_NaN() : 0.0;
  });
  std::map<std::string, double> metrics;
  const SampleValues values(4, {-1.0F});
  const Status status =
      add_gold_metrics(nullptr, gold, prompts, scored_rollouts(), values, values, &metrics);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("gold reward: the reward of held_out.jsonl row 2"),
            std::string::npos)
      << status.error().message();
  EXPECT_TRUE(metrics.empty());
}

// Without beta the method itself holds no reference; the distance is still measured.
TEST(GoldReward, GroupMethodsMeasureTheirDistanceAlsoWithoutBeta) {
  for (const double beta : {0.0, 0.05}) {
    Json config = {{"per_device_train_batch_size", 8}, {"num_generations", 2},
                   {"max_completion_length", 8}, {"beta", beta}};
    const TrainingOptions options = read_training_options(config).value();
    GroupSetup setup = read_group_setup(config, GroupAlgorithm::kGrpo, options).value();
    SmallPolicy policy(false);
    FunctionReward gold(negated);
    setup.reference = policy.reference;
    setup.gold = &gold;
    setup.rollout.stop_ids = policy.stop_ids;
    const auto rewards = function_reward(even_share);
    GroupMethod method(*policy.decoder, policy.tokenizer, *rewards, std::move(setup),
                       policy.prompts());
    const auto lines = policy.train(method, kEvaluations, "eval");
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_NEAR(lines[0]["eval_gold/kl"].get<double>(), 0, 1e-4) << beta;
    EXPECT_NE(lines[3]["eval_gold/kl"], lines[0]["eval_gold/kl"]) << beta;
    for (const Json& line : lines) {
      EXPECT_NEAR(line["eval_gold/proxy"].get<double>(), line["eval_reward"].get<double>(), 1e-6);
      EXPECT_NEAR(line["eval_gold/scores"].get<double>(),
                  1 - line["eval_gold/proxy"].get<double>(), 1e-9);
    }
  }
}

TEST(GoldReward, OnlineDpoHasTheSameFigures) {
  SmallPolicy policy(true);
  OnlineDpoSetup setup;
  setup.loss.loss.losses = {{objectives::PairLoss::kSigmoid, 1.0}};
  setup.loss.adapters = policy.adapters;
  setup.rollout.samples = 2;
  setup.rollout.response_length = 8;
  setup.rollout.adapters = policy.adapters;
  setup.rollout.stop_ids = policy.stop_ids;
  setup.reference = policy.reference;
  FunctionReward gold(negated);
  setup.gold = &gold;
  const auto rewards = function_reward(even_share);
  OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards, setup, policy.prompts());
  const auto lines = policy.train(method, kEvaluations, "eval");
  ASSERT_EQ(lines.size(), 4U);
  for (const Json& line : lines) {
    EXPECT_NEAR(line["eval_gold/scores"].get<double>(),
                1 - line["eval_gold/proxy"].get<double>(), 1e-9);
    EXPECT_NEAR(line["eval_gold/kl"].get<double>(), line["eval_objective/kl"].get<double>(), 1e-6);
  }
  EXPECT_NEAR(lines[0]["eval_gold/kl"].get<double>(), 0, 1e-4);
}

}  // namespace
}  // namespace attune::engine::train
