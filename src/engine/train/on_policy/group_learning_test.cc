// RLOO and its kin learn: each raises a reward that a program computes, at a bounded distance from
// where it started.
#include <gtest/gtest.h>

#include <cstdio>

#include "engine/generate/small_model.h"
#include "engine/train/on_policy/group_config.h"
#include "engine/train/on_policy/small_on_policy.h"

namespace attune::engine::train {
namespace {

constexpr int kLength = 12;  // tokens of an answer
constexpr size_t kSteps = 200;

struct Case {
  std::string name;
  GroupAlgorithm algorithm = GroupAlgorithm::kRloo;
  Json config;
  bool peft = false;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"rloo", GroupAlgorithm::kRloo, {{"beta", 0.02}}},
      {"rloo_lora", GroupAlgorithm::kRloo, {{"beta", 0.02}, {"learning_rate", 5e-3}}, true},
      {"rloo_two_passes", GroupAlgorithm::kRloo, {{"beta", 0.02}, {"num_iterations", 2}}},
      {"grpo", GroupAlgorithm::kGrpo, {{"beta", 0.08}, {"loss_type", "dapo"}}},
      {"gspo", GroupAlgorithm::kGrpo,
       {{"beta", 0.07}, {"loss_type", "grpo"}, {"importance_sampling_level", "sequence"}}},
      {"reinforce_plus_plus", GroupAlgorithm::kReinforce, {{"beta", 0.03}}},
      {"reinforce_plus_plus_baseline", GroupAlgorithm::kReinforce,
       {{"beta", 0.1}, {"advantage_baseline", "group"}}}};
  return all;
}

// Two points for an answer of full length with even ids alone, one by chance. A share of the
// answer's own length would be had sooner by answers of one token.
double even_ids(const RewardRequest& request) {
  return 2 * even_share(request) * static_cast<double>(request.completion.size()) / kLength;
}

class GroupLearning : public ::testing::TestWithParam<size_t> {};

TEST_P(GroupLearning, RaisesAProgrammableRewardAtBoundedKl) {
  const Case& one = cases()[GetParam()];
  Json config = {{"max_steps", kSteps}, {"per_device_train_batch_size", 32},
                 {"num_generations", 4}, {"max_completion_length", kLength},
                 {"learning_rate", 1e-3}, {"seed", 7}};
  config.update(one.config);
  const TrainingOptions options = read_training_options(config).value();
  GroupSetup setup = read_group_setup(config, one.algorithm, options).value();
  SmallPolicy policy(one.peft);
  setup.reference = policy.reference;
  setup.rollout.adapters = policy.adapters;
  setup.rollout.stop_ids = {testing::kEndId};
  const auto rewards = function_reward(even_ids);
  GroupMethod method(*policy.decoder, policy.tokenizer, *rewards, std::move(setup),
                     policy.prompts());
  config["per_device_train_batch_size"] = read_group_shape(config, options.batch).value().prompts;
  const std::vector<Json> steps = policy.train(method, config);
  ASSERT_EQ(steps.size(), kSteps);
  const double before = mean_of(steps, 0, 5, "reward");
  const double after = mean_of(steps, kSteps - 5, kSteps, "reward");
  const double kl = mean_of(steps, kSteps - 5, kSteps, "kl") *
                    mean_of(steps, kSteps - 5, kSteps, "completions/mean_length");
  std::printf("%s: reward %.3f -> %.3f at KL %.2f\n", one.name.c_str(), before, after, kl);
  EXPECT_LT(before, 1.25);
  EXPECT_GT(after, before + 0.4);
  EXPECT_LT(kl, 25.0);
  EXPECT_GT(kl, 0.0);
}

INSTANTIATE_TEST_SUITE_P(Methods, GroupLearning, ::testing::Range<size_t>(0, cases().size()),
                         [](const auto& one) { return cases()[one.param].name; });

}  // namespace
}  // namespace attune::engine::train
