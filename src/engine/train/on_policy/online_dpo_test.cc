#include "engine/train/on_policy/online_dpo_method.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/train/on_policy/small_on_policy.h"

namespace attune::engine::train {
namespace {

OnlineDpoSetup setup_of(const SmallPolicy& policy, objectives::PairLoss loss) {
  OnlineDpoSetup setup;
  setup.loss.loss.losses = {{loss, 1.0}};
  setup.loss.loss.ipo_length = objectives::IpoLength::kSum;
  setup.loss.adapters = policy.adapters;
  setup.loss.temperature = 0.9;
  setup.rollout.samples = 2;
  setup.rollout.response_length = 8;
  setup.rollout.temperature = 0.9;
  setup.rollout.adapters = policy.adapters;
  setup.rollout.stop_ids = policy.stop_ids;
  setup.reference = policy.reference;
  return setup;
}

// Policy and reference agree at the first step, whatever was sampled.
TEST(OnlineDpo, TheFirstLossIsKnownBeforehand) {
  for (const bool peft : {false, true}) {
    for (const auto& [loss, value] :
         {std::pair(objectives::PairLoss::kSigmoid, std::log(2.0)),
          std::pair(objectives::PairLoss::kIpo, 25.0)}) {  // 1 / (4 beta^2), beta 0.1
      SmallPolicy policy(peft);
      const auto rewards = function_reward(even_share);
      OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards, setup_of(policy, loss),
                             policy.prompts());
      const auto steps = policy.train(method, Json::object());
      ASSERT_EQ(steps.size(), 3U);
      EXPECT_NEAR(steps[0]["loss"].get<double>(), value, 1e-4 * value);
      EXPECT_NEAR(steps[0]["objective/kl"].get<double>(), 0, 1e-4);
      EXPECT_GT(steps[0]["grad_norm"].get<double>(), 0);
      EXPECT_GE(steps[0]["objective/scores_margin"].get<double>(), 0);
      EXPECT_NE(steps[1]["loss"], steps[0]["loss"]);
    }
  }
}

TEST(OnlineDpo, TheBetterAnswerBecomesMoreProbable) {
  SmallPolicy policy(false);
  const auto rewards = function_reward(even_share);
  OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards,
                         setup_of(policy, objectives::PairLoss::kSigmoid), policy.prompts());
  // The same prompts again and again: what was chosen gains on what was rejected.
  const StepUpdates updates = method.begin_step(0, {0, 1, 2, 3}).value();
  ASSERT_EQ(updates.rows.size(), 1U);
  const auto optimizer = optim::Optimizer::create({}, policy.parameters);
  double first = 0;
  for (int i = 0; i < 10; ++i) {
    PassOptions options;
    options.normaliser = static_cast<double>(updates.rows[0].size());
    const PassResult result = method.pass(Split::kRollout, updates.rows[0], options);
    if (i == 0) first = result.loss.item<double>();
    if (i == 9) {
      EXPECT_LT(result.loss.item<double>(), first - 0.01);
      EXPECT_EQ(result.means.at("rewards/accuracies").sum,
                result.means.at("rewards/accuracies").count);
    }
    result.loss.backward();
    optimizer->step(1e-3);
    optimizer->zero_grad();
  }
}

TEST(OnlineDpo, AnswersThatAreJudgedAlikeTeachNothing) {
  SmallPolicy policy(false);
  const auto rewards = function_reward([](const RewardRequest&) { return 1.0; });
  OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards,
                         setup_of(policy, objectives::PairLoss::kSigmoid), policy.prompts());
  const Tensor before = policy.parameters[0].tensor.detach().clone();
  const auto steps = policy.train(method, {{"max_steps", 2}});
  ASSERT_EQ(steps.size(), 2U);  // the run goes on
  EXPECT_EQ(steps[1]["frac_ties"], 1.0);
  EXPECT_EQ(steps[1]["pairs"], 0);
  EXPECT_TRUE(policy.parameters[0].tensor.detach().equal(before));
}

TEST(OnlineDpo, BetaFollowsTheEpochAndAnswersWithoutEndPay) {
  SmallPolicy policy(false);
  OnlineDpoSetup setup = setup_of(policy, objectives::PairLoss::kSigmoid);
  setup.betas = {0.5, 0.2};
  setup.steps_per_epoch = 3;
  setup.missing_eos_penalty = 10;
  const auto rewards = function_reward([](const RewardRequest&) { return 0.0; });
  OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards, std::move(setup),
                         policy.prompts());
  EXPECT_EQ(method.beta_of(0), 0.5);
  EXPECT_EQ(method.beta_of(2), 0.5);
  EXPECT_EQ(method.beta_of(3), 0.2);
  EXPECT_EQ(method.beta_of(100), 0.2);
  const StepUpdates updates = method.begin_step(0, {0, 1, 2, 3}).value();
  const double cut = 1 - updates.metrics.at("val/contain_eos_token");
  EXPECT_NEAR(updates.metrics.at("objective/scores"), -10 * cut, 1e-9);
}

TEST(OnlineDpo, AKlThatRunsAwayEndsTheRun) {
  SmallPolicy policy(false);
  const auto rewards = function_reward(even_share);
  OnlineDpoSetup setup = setup_of(policy, objectives::PairLoss::kSigmoid);
  setup.kl_limit = 0.5;
  OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards, setup, policy.prompts());
  ASSERT_TRUE(method.begin_step(0, {0, 1, 2, 3}).ok());
  for (const optim::NamedTensor& parameter : policy.parameters) {
    parameter.tensor.detach().mul_(3);  // as after an update that was far too long
  }
  const auto updates = method.begin_step(1, {0, 1, 2, 3});
  ASSERT_FALSE(updates.ok());
  EXPECT_NE(updates.error().message().find("has run away from its reference"), std::string::npos)
      << updates.error().message();
  EXPECT_NE(updates.error().message().find("kl_limit (0.5)"), std::string::npos);
}

TEST(OnlineDpo, EvaluationAnswersHeldOutPrompts) {
  SmallPolicy policy(false);
  const auto rewards = function_reward(even_share);
  OnlineDpoMethod method(*policy.decoder, policy.tokenizer, *rewards,
                         setup_of(policy, objectives::PairLoss::kSigmoid), policy.prompts());
  const auto lines = policy.train(
      method, {{"max_steps", 2}, {"eval_strategy", "steps"}, {"eval_steps", 1}}, "eval");
  ASSERT_EQ(lines.size(), 2U);
  for (const char* name : {"eval_objective/scores", "eval_objective/kl",
                           "eval_objective/rlhf_reward", "eval_completions/mean_length"}) {
    EXPECT_TRUE(lines[0].contains(name)) << name;
  }
}

}  // namespace
}  // namespace attune::engine::train
