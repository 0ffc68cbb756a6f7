#include "engine/train/on_policy/ppo_method.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "engine/train/on_policy/ppo_small_run.h"
#include "engine/train/on_policy/small_on_policy.h"

namespace attune::engine::train {
namespace {

struct Wanted {
  std::string source;
  bool peft;
};
const std::vector<Wanted> kRoles = {
    {"head", false}, {"head", true}, {"adapter", true}, {"separate", false}, {"separate", true}};

Json with(const Wanted& roles, Json config) {
  config["value_source"] = roles.source;
  config["use_peft"] = roles.peft;
  return config;
}

// The first update of a run whose reference is its start, by whatever networks: nothing has moved,
// and neither KL nor clipping is there. Later ones move policy and value.
TEST(PpoMethodTest, EveryRoleStartsAtRatioOneAndKlZero) {
  for (const Wanted& roles : kRoles) {
    const std::string what = roles.source + (roles.peft ? " with LoRA" : "");
    SmallPpoRun one(with(roles, {{"max_steps", 1}, {"num_ppo_epochs", 1}}), even_share);
    ASSERT_TRUE(one.run().ok()) << what;
    const Json step = one.events("step").at(0);
    EXPECT_NEAR(step["val/ratio"].get<double>(), 1, 1e-5) << what;
    EXPECT_EQ(step["policy/clipfrac_avg"], 0.0) << what;
    EXPECT_LT(step["policy/approxkl_avg"], 1e-9) << what;
    EXPECT_NEAR(step["objective/kl"].get<double>(), 0, 1e-4) << what;
    EXPECT_NEAR(step["loss/policy_avg"].get<double>(), 0, 1e-4) << what;
    SmallPpoRun more(with(roles, {{"max_steps", 3}}), even_share);
    ASSERT_TRUE(more.run().ok()) << what;
    const auto steps = more.events("step");
    EXPECT_GT(steps.at(2)["objective/kl_k3"], 1e-5) << what;
    EXPECT_NE(steps.at(2)["val/ratio"], 1.0) << what;
    EXPECT_EQ(steps.at(2)["episode"], 12.0) << what;
    double head = 0;
    for (const auto& [name, values] : more.weights()) {
      if (name.find("score") == std::string::npos) continue;
      for (float value : values) head += std::abs(static_cast<double>(value));
    }
    EXPECT_GT(head, 1e-4) << what << ": the value head has not moved";
  }
}

TEST(PpoMethodTest, CapturedLogProbsAreThoseOfTheTrainingPath) {
  SmallPpoRun run({{"max_steps", 2}}, even_share);
  ASSERT_TRUE(run.run().ok());
  for (const Json& step : run.events("step")) {
    EXPECT_LT(step["sampling/sampling_logp_difference/max"], 1e-4);
  }
  SmallPpoRun captured({{"max_steps", 1}, {"num_ppo_epochs", 1}, {"recompute_log_probs", false}},
                       even_share);
  ASSERT_TRUE(captured.run().ok());
  const Json step = captured.events("step").at(0);
  EXPECT_FALSE(step.contains("sampling/sampling_logp_difference/max"));
  EXPECT_NEAR(step["val/ratio"].get<double>(), 1, 1e-4);
}

TEST(PpoMethodTest, SamplingCapturesValuesWhereNoPassOfThePolicyFollows) {
  PpoSetup setup;
  setup.roles.value_head = at::ones({1, 4});
  setup.options.recompute_log_probs = true;
  capture_values(&setup);
  EXPECT_FALSE(setup.options.rollout.value_head.defined());
  setup.options.recompute_log_probs = false;
  setup.roles.value.stack = {"value"};  // of other states
  capture_values(&setup);
  EXPECT_FALSE(setup.options.rollout.value_head.defined());
  setup.roles.value.stack = {};
  capture_values(&setup);
  EXPECT_TRUE(setup.options.rollout.value_head.defined());
}

TEST(PpoMethodTest, CapturedValuesGiveTheStepOfMeasuredOnes) {
  for (const bool peft : {false, true}) {
    const Json config = {{"max_steps", 3}, {"samples_per_prompt", 2}, {"use_peft", peft}};
    SmallPpoRun measured(config, even_share);
    ASSERT_TRUE(measured.run().ok());
    Json without = config;
    without["recompute_log_probs"] = false;
    SmallPpoRun captured(without, even_share);
    ASSERT_TRUE(captured.run().ok());
    for (size_t i = 0; i < 3; ++i) {
      const Json expected = measured.events("step").at(i), got = captured.events("step").at(i);
      for (const char* name : {"loss/value_avg", "objective/scores", "val/clipfrac_avg"}) {
        const double value = expected[name];
        EXPECT_NEAR(got[name].get<double>(), value, 1e-3 * std::abs(value) + 1e-6) << name << i;
      }
    }
  }
}

// Passes of any size give the same step; several samples of a prompt share it.
TEST(PpoMethodTest, HowMemoryHoldsAStepChangesNothing) {
  const Json config = {{"max_steps", 1}, {"samples_per_prompt", 3}, {"num_mini_batches", 2}};
  SmallPpoRun whole(config, even_share);
  ASSERT_TRUE(whole.run().ok());
  Json small = config;
  small["max_tokens_per_batch"] = 30;
  SmallPpoRun cut(small, even_share);
  ASSERT_TRUE(cut.run().ok());
  const Json expected = whole.events("step").at(0);
  const Json got = cut.events("step").at(0);
  for (const char* name : {"loss", "loss/value_avg", "policy/approxkl_avg", "objective/scores"}) {
    const double value = expected[name];
    EXPECT_NEAR(got[name].get<double>(), value, 1e-4 * std::abs(value) + 1e-5) << name;
  }
  EXPECT_EQ(got["ppo/updates"], 8.0);
}

TEST(PpoMethodTest, MinibatchesOfAnEpochAreTheStepsRowsOnce) {
  SmallPpoRun run({{"max_steps", 1}, {"num_ppo_epochs", 3}, {"num_mini_batches", 3}}, even_share);
  ASSERT_TRUE(run.run().ok());
  const auto updates = run.method().begin_step(5, {1, 2, 3, 4, 5, 6, 7});
  ASSERT_TRUE(updates.ok());
  ASSERT_EQ(updates->rows.size(), 9U);
  std::set<std::vector<int64_t>> orders;
  for (size_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> order;
    for (size_t m = 0; m < 3; ++m) {
      const auto& rows = updates->rows[3 * epoch + m];
      EXPECT_GE(rows.size(), 2U);
      EXPECT_LE(rows.size(), 3U);
      order.insert(order.end(), rows.begin(), rows.end());
    }
    orders.insert(order);
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 7U);
  }
  EXPECT_EQ(orders.size(), 3U) << "every epoch has an order of its own";
}

TEST(PpoMethodTest, ATargetKlLeavesOutTheOtherUpdates) {
  const Json config = {{"max_steps", 2}, {"num_ppo_epochs", 6}, {"learning_rate", 3e-2}};
  SmallPpoRun free(config, even_share);
  ASSERT_TRUE(free.run().ok());
  EXPECT_EQ(free.events("step").at(0)["ppo/updates"], 6.0);
  Json bounded = config;
  bounded["target_kl"] = 1e-3;
  SmallPpoRun run(bounded, even_share);
  ASSERT_TRUE(run.run().ok());
  EXPECT_LT(run.events("step").at(0)["ppo/updates"], 6.0);
}

TEST(PpoMethodTest, TheAdaptiveControllerFollowsItsTarget) {
  SmallPpoRun run({{"max_steps", 3}, {"kl_controller", "adaptive"}, {"kl_target", 6.0},
                   {"kl_horizon", 40.0}, {"kl_coef", 0.15}},
                  even_share);
  ASSERT_TRUE(run.run().ok());
  const auto steps = run.events("step");
  // KL starts at 0: the proportional error is cut to -0.2, times 4 samples of a horizon of 40.
  EXPECT_NEAR(steps[0]["objective/kl_coef"].get<double>(), 0.15, 1e-12);
  EXPECT_NEAR(steps[1]["objective/kl_coef"].get<double>(), 0.15 * 0.98, 1e-12);
  EXPECT_NEAR(run.method().state()["kl_coef"].get<double>(), 0.15 * std::pow(0.98, 3), 1e-9);
}

TEST(PpoMethodTest, PretrainingRowsAreLearntBesideTheReward) {
  const Json config = {{"max_steps", 8}, {"learning_rate", 3e-3}, {"ptx_rows_per_episode", 2}};
  Json mixed = config;
  mixed["ptx_coefficient"] = 1.0;
  SmallPpoRun run(mixed, even_share);
  ASSERT_TRUE(run.run().ok());
  const auto steps = run.events("step");
  EXPECT_LT(steps.at(7)["loss/ptx_avg"].get<double>(),
            steps.at(0)["loss/ptx_avg"].get<double>() - 0.5);
  SmallPpoRun without(config, even_share);
  ASSERT_TRUE(without.run().ok());
  EXPECT_FALSE(without.events("step").at(0).contains("loss/ptx_avg"));
}

// What a reward model or program can do wrong; the run ends and says where.
TEST(PpoMethodTest, ARewardThatIsNoNumberStopsTheRunAndKeepsTheLastCheckpoint) {
  int asked = 0;
  const auto breaks = [&](const RewardRequest& request) {
    return ++asked > 8 ? std::numeric_limits<double>::quiet_NaN() : even_share(request);
  };
  SmallPpoRun run({{"max_steps", 4}, {"save_strategy", "steps"}, {"save_steps", 1}}, breaks);
  const auto outcome = run.run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.error().message().find("the reward of prompts.jsonl row 1 is no number"),
            std::string::npos)
      << outcome.error().message();
  EXPECT_EQ(CheckpointStore(run.directory()).steps(), (std::vector<int64_t>{1, 2}));
  ASSERT_EQ(run.events("failed").size(), 1U);
}

TEST(PpoMethodTest, AKlThatRunsAwayStopsTheRun) {
  SmallPpoRun run({{"max_steps", 60}, {"learning_rate", 0.1}, {"kl_coef", 0.0}, {"kl_limit", 0.5},
                   {"max_grad_norm", 0.0}},
                  even_share);
  const auto outcome = run.run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.error().message().find("run away from its reference"), std::string::npos)
      << outcome.error().message();
  EXPECT_NE(outcome.error().message().find("kl_coef"), std::string::npos);
}

TEST(PpoMethodTest, EvaluationAnswersTheHeldOutPrompts) {
  SmallPpoRun run({{"max_steps", 4}, {"eval_strategy", "steps"}, {"eval_steps", 2},
                   {"eval_on_start", true}, {"metric_for_best_model", "eval_objective/scores"}},
                  even_share);
  ASSERT_TRUE(run.run().ok());
  const auto evaluations = run.events("eval");
  ASSERT_EQ(evaluations.size(), 3U);
  EXPECT_NEAR(evaluations[0]["eval_objective/kl"].get<double>(), 0, 1e-5);
  EXPECT_GT(evaluations[2]["eval_objective/kl_k3"], 0.0);
  EXPECT_TRUE(evaluations[0].contains("eval_completions/mean_length"));
  // It changes nothing of the training.
  SmallPpoRun plain({{"max_steps", 4}}, even_share);
  ASSERT_TRUE(plain.run().ok());
  EXPECT_EQ(plain.weights(), run.weights());
}

// Gold and proxy judge the same answers, so that here one follows from the other; the policy knows
// nothing of the gold.
TEST(PpoMethodTest, EvaluationsSetAGoldRewardBesideTheProxy) {
  const Json config = {{"eval_strategy", "steps"}, {"eval_steps", 2}, {"eval_on_start", true},
                       {"max_steps", 6},           {"learning_rate", 3e-3}};
  SmallPpoRun run(config, even_share);
  run.judge_evaluations_by([](const RewardRequest& request) { return 1 - even_share(request); });
  ASSERT_TRUE(run.run().ok());
  const auto evaluations = run.events("eval");
  ASSERT_EQ(evaluations.size(), 4U);
  for (const Json& one : evaluations) {
    EXPECT_NEAR(one["eval_gold/scores"].get<double>(), 1 - one["eval_gold/proxy"].get<double>(),
                1e-9);
    EXPECT_NEAR(one["eval_gold/proxy"].get<double>(), one["eval_objective/scores"].get<double>(),
                1e-6);
    EXPECT_NEAR(one["eval_gold/kl"].get<double>(), one["eval_objective/kl_k1"].get<double>(), 1e-4);
    EXPECT_GT(one["eval_gold/scores_error"].get<double>(), 0);
  }
  EXPECT_NEAR(evaluations[0]["eval_gold/kl"].get<double>(), 0, 1e-4);
  EXPECT_NE(evaluations[3]["eval_gold/kl"], evaluations[0]["eval_gold/kl"]);
  SmallPpoRun without(config, even_share);
  ASSERT_TRUE(without.run().ok());
  EXPECT_EQ(run.events("step"), without.events("step"));
  EXPECT_FALSE(without.events("eval").at(0).contains("eval_gold/kl"));
}

TEST(PpoMethodTest, AGoldRewardThatIsNoNumberIsNamed) {
  SmallPpoRun run({{"eval_strategy", "steps"}, {"eval_steps", 1}}, even_share);
  run.judge_evaluations_by([](const RewardRequest&) { return std::nan(""); });
  const auto outcome = run.run();
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.error().message().find("gold reward: the reward of held_out.jsonl row 1 is no"),
            std::string::npos)
      << outcome.error().message();
}

// The averaged weights after two steps, by hand from the weights after each.
TEST(PpoMethodTest, AveragedWeightsAreWhatTheRunEndsWith) {
  const auto after = [](int64_t steps, double ema) {
    SmallPpoRun run({{"max_steps", steps}, {"ema", ema}}, even_share);
    EXPECT_TRUE(run.run().ok());
    EXPECT_TRUE(run.method().finish(run.directory()).ok());  // nothing without an average
    return run.weights().at("model.layers.1.mlp.down_proj.weight");
  };
  SmallPpoRun start({{"max_steps", 1}, {"learning_rate", 0.0}}, even_share);
  ASSERT_TRUE(start.run().ok());
  const auto zero = start.weights().at("model.layers.1.mlp.down_proj.weight");
  const auto one = after(1, 0);
  const auto two = after(2, 0);
  const auto averaged = after(2, 0.75);
  for (size_t i = 0; i < zero.size(); ++i) {
    const double first = 0.75 * static_cast<double>(zero[i]) + 0.25 * static_cast<double>(one[i]);
    const double second = 0.75 * first + 0.25 * static_cast<double>(two[i]);
    ASSERT_NEAR(averaged[i], second, 1e-6);
  }
}

// The bits of a run that was resumed are those of one that was not, for every kind of role, with
// controller, average and pretraining rows.
TEST(PpoMethodTest, AResumedRunIsTheSameRun) {
  for (const Wanted& roles : kRoles) {
    const Json config = with(roles, {{"max_steps", 5}, {"save_strategy", "steps"},
                                     {"save_steps", 2}, {"kl_controller", "adaptive"},
                                     {"kl_horizon", 50.0}, {"ema", 0.9}, {"ptx_coefficient", 0.5},
                                     {"ptx_rows_per_episode", 1}, {"num_mini_batches", 2},
                                     {"samples_per_prompt", 2}});
    SmallPpoRun whole(config, even_share);
    ASSERT_TRUE(whole.run().ok());
    // Stops in step 4 by a reward that breaks, after the checkpoint of step 2.
    int asked = 0;
    SmallPpoRun broken(config, [&](const RewardRequest& request) {
      return ++asked > 24 ? std::nan("") : even_share(request);
    });
    ASSERT_FALSE(broken.run().ok());
    SmallPpoRun resumed(config, even_share);
    resumed.use_directory(broken.directory());
    const auto outcome = resumed.run(true);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message();
    EXPECT_EQ(resumed.weights(), whole.weights()) << roles.source;
    EXPECT_EQ(resumed.events("step"), whole.events("step")) << roles.source;
    EXPECT_EQ(resumed.method().state(), whole.method().state()) << roles.source;
    const auto expected = whole.method().state_tensors();
    const auto got = resumed.method().state_tensors();
    ASSERT_FALSE(got.empty());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].tensor.equal(expected[i].tensor));
  }
}

}  // namespace
}  // namespace attune::engine::train
