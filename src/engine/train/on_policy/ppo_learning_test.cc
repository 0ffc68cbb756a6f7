// PPO learns: it raises a reward that a program computes, at a bounded distance from where it
// started.
#include <gtest/gtest.h>

#include <cstdio>

#include "engine/train/on_policy/ppo_small_run.h"
#include "engine/train/on_policy/small_on_policy.h"

namespace attune::engine::train {
namespace {

constexpr size_t kSteps = 160;

struct Case {
  std::string name;
  Json config;
};

class PpoLearning : public ::testing::TestWithParam<size_t> {};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"separate", {{"value_source", "separate"}}},
      {"head", {{"value_source", "head"}}},
      {"lora_roles",
       {{"value_source", "adapter"}, {"use_peft", true}, {"learning_rate", 5e-3}}},
      {"ziegler",
       {{"value_source", "separate"}, {"kl_controller", "adaptive"}, {"kl_target", 12.0},
        {"kl_coef", 0.05}, {"kl_horizon", 1000.0}, {"whiten_rewards", true}, {"variance", "biased"},
        {"score_position", "eos"}}}};
  return all;
}

// Two points for an answer of full length with even ids alone, one by chance.
double even_ids(const RewardRequest& request) {
  double even = 0;
  for (int32_t id : request.completion) even += id % 2 == 0 ? 1 : 0;
  return even / 6;
}

TEST_P(PpoLearning, RaisesAProgrammableRewardAtBoundedKl) {
  Json config = {{"max_steps", kSteps},   {"per_device_train_batch_size", 8},
                 {"samples_per_prompt", 4}, {"response_length", 12},
                 {"learning_rate", 2e-3}, {"kl_coef", 0.05},
                 {"kl_limit", 5.0},       {"seed", 7}};
  config.update(cases()[GetParam()].config);
  SmallPpoRun run(config, even_ids);
  const auto outcome = run.run();
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  const auto steps = run.events("step");
  ASSERT_EQ(steps.size(), kSteps);
  const double before = mean_of(steps, 0, 5, "objective/scores");
  const double after = mean_of(steps, kSteps - 5, kSteps, "objective/scores");
  const double kl = mean_of(steps, kSteps - 5, kSteps, "objective/kl");
  RecordProperty("before", std::to_string(before));
  RecordProperty("after", std::to_string(after));
  RecordProperty("kl", std::to_string(kl));
  std::printf("%s: score %.3f -> %.3f at KL %.2f\n", cases()[GetParam()].name.c_str(), before,
              after, kl);
  EXPECT_LT(before, 1.25);
  EXPECT_GT(after, before + 0.4);
  EXPECT_LT(kl, 25.0);
  EXPECT_GT(kl, 0.0);
  // The value has learnt what to expect.
  EXPECT_LT(mean_of(steps, kSteps - 5, kSteps, "loss/value_avg"),
            mean_of(steps, 0, 5, "loss/value_avg"));
}

std::string name_of_case(const ::testing::TestParamInfo<size_t>& info) {
  return cases()[info.param].name;
}
INSTANTIATE_TEST_SUITE_P(Roles, PpoLearning, ::testing::Range<size_t>(0, 4), name_of_case);

}  // namespace
}  // namespace attune::engine::train
