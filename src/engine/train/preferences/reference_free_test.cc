// `attune train orpo`, `cpo` and `simpo` as a whole, on the small model: parity with TRL, values
// that are known beforehand, and what must not change a step.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/train/testing/job_run.h"

namespace attune::engine::train {
namespace {

std::vector<Json> golden_pairs() {
  static const Json golden = train_golden_file("orpo_tiny.json");
  return golden["rows"].get<std::vector<Json>>();
}

void expect_close(const Json& step, const Json& expected, const std::string& name,
                  double relative) {
  ASSERT_TRUE(step.contains(name)) << name;
  const double value = step[name], target = expected[name];
  EXPECT_NEAR(value, target, relative * std::max(std::abs(target), 1e-2)) << name;
}

class ReferenceFreeTrajectory : public ::testing::TestWithParam<const char*> {};

// Twenty steps: losses within 1e-4, gradient norms within 1 %, every metric that both mean alike.
TEST_P(ReferenceFreeTrajectory, EqualsTrl) {
  const std::string recipe = GetParam();
  const Json golden = train_golden_file(recipe + "_tiny.json");
  JobRun ours(recipe, golden["rows"].get<std::vector<Json>>(), golden["config"]);
  const std::vector<Json> steps = ours.steps();
  ASSERT_EQ(steps.size(), golden["steps"].size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const Json& expected = golden["steps"][i];
    SCOPED_TRACE(fmt::format("step {}", i + 1));
    EXPECT_NEAR(steps[i]["loss"].get<double>() / expected["loss"].get<double>(), 1.0, 1e-4);
    expect_close(steps[i], expected, "grad_norm", 1e-2);
    EXPECT_NEAR(steps[i]["learning_rate"].get<double>(), expected["learning_rate"].get<double>(),
                1e-12);
    for (const char* name : {"rewards/chosen", "rewards/rejected", "rewards/margins",
                             "rewards/accuracies", "logps/chosen", "logps/rejected"}) {
      expect_close(steps[i], expected, name, 2e-3);
    }
    for (const char* name : {"nll_loss", "log_odds_ratio", "log_odds_chosen"}) {
      if (steps[i].contains(name)) expect_close(steps[i], expected, name, 2e-3);
    }
  }
  const Json& first = steps.front();
  EXPECT_EQ(first.contains("nll_loss"), recipe != "simpo");
  EXPECT_EQ(first.contains("log_odds_ratio"), recipe == "orpo");
}

INSTANTIATE_TEST_SUITE_P(Recipes, ReferenceFreeTrajectory,
                         ::testing::Values("orpo", "cpo", "simpo"),
                         [](const auto& test) { return std::string(test.param); });

std::vector<double> losses(const std::string& recipe, const Json& config,
                           const std::vector<Json>& rows = golden_pairs()) {
  Json once = {{"max_steps", 3}, {"per_device_train_batch_size", 6}, {"learning_rate", 1e-2}};
  once.update(config);
  std::vector<double> found;
  for (const Json& step : JobRun(recipe, rows, once).steps()) found.push_back(step["loss"]);
  return found;
}

void expect_equal(const std::vector<double>& a, const std::vector<double>& b, double relative) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i] / b[i], 1.0, relative) << "step " << i + 1;
}

// Two normalisers, pairs and tokens, both of the whole step: neither passes nor accumulation nor
// recomputed activations change it.
TEST(ReferenceFree, HowAStepIsCutDoesNotChangeIt) {
  for (const char* recipe : {"orpo", "cpo"}) {
    const std::vector<double> whole = losses(recipe, Json::object());
    expect_equal(losses(recipe, {{"max_tokens_per_batch", 60}}), whole, 1e-5);
    expect_equal(losses(recipe, {{"per_device_train_batch_size", 2},
                                 {"gradient_accumulation_steps", 3}}),
                 whole, 1e-5);
    expect_equal(losses(recipe, {{"recompute", "always"}}), whole, 1e-5);
  }
}

TEST(ReferenceFree, PromptsCountInOrpoUnlessTheyAreLeftOut) {
  const Json no_odds = {{"beta", 0.0}, {"max_steps", 1}};
  const double all = losses("orpo", no_odds)[0];
  Json completion = no_odds;
  completion["nll_tokens"] = "completion";
  const double own = losses("orpo", completion)[0];
  EXPECT_GT(std::abs(all - own), 1e-2);
  // The answer's own cross-entropy is also what CPO adds.
  const double cpo = losses("cpo", {{"max_steps", 1}, {"cpo_alpha", 1.0}})[0];
  const double pure = losses("cpo", {{"max_steps", 1}, {"cpo_alpha", 0.0}})[0];
  EXPECT_NEAR(cpo - pure, own, 1e-5);
}

// A ranking of K is its pairs, whose prompt and answers are computed once.
TEST(ReferenceFree, ARankingIsItsPairs) {
  const std::vector<Json> ranking = {
      {{"prompt", "say:"}, {"completions", {" yes", " no", " maybe that"}}, {"ranks", {1, 3, 2}}}};
  const std::vector<Json> pairs = {
      {{"prompt", "say:"}, {"chosen", " yes"}, {"rejected", " maybe that"}},
      {{"prompt", "say:"}, {"chosen", " yes"}, {"rejected", " no"}},
      {{"prompt", "say:"}, {"chosen", " maybe that"}, {"rejected", " no"}}};
  for (const char* recipe : {"orpo", "cpo", "simpo"}) {
    expect_equal(losses(recipe, Json::object(), ranking), losses(recipe, Json::object(), pairs),
                 1e-5);
  }
}

TEST(ReferenceFree, AlphaPoChangesTheRewardAndNothingElse) {
  const double plain = losses("simpo", {{"max_steps", 1}})[0];
  const double small = losses("simpo", {{"max_steps", 1}, {"alpha", 1e-6}})[0];
  const double large = losses("simpo", {{"max_steps", 1}, {"alpha", 0.5}})[0];
  EXPECT_NEAR(small / plain, 1.0, 1e-4);  // its limit is log p
  EXPECT_GT(std::abs(large - plain), 1e-3);
}

// TRL's CPOConfig: loss_type alphapo stands for simpo, and takes no cross-entropy whatever
// cpo_alpha says.
TEST(ReferenceFree, AlphaPoIsSimpoWithoutTheCrossEntropy) {
  const Json written = {{"loss_type", "alphapo"}, {"alpha", 0.25}, {"simpo_gamma", 0.1},
                        {"beta", 2.5}, {"cpo_alpha", 1.0}};
  Json meant = written;
  meant["loss_type"] = "simpo";
  const std::vector<double> anchored = losses("cpo", meant);
  meant["cpo_alpha"] = 0.0;
  for (const char* recipe : {"cpo", "simpo"}) {
    expect_equal(losses(recipe, written), losses(recipe, meant), 1e-6);
  }
  EXPECT_GT(anchored[0] - losses("cpo", written)[0], 0.1);
}

TEST(ReferenceFree, AdaptersTrainAndEvaluationHasTheMetrics) {
  JobRun run("orpo", golden_pairs(),
             {{"max_steps", 8}, {"use_peft", true}, {"lora_r", 4}, {"learning_rate", 5e-3},
              {"eval_strategy", "steps"}, {"eval_steps", 8}, {"eval_on_start", true}});
  run.evaluate_on(golden_pairs());
  ASSERT_EQ(run.steps().size(), 8U);
  const std::vector<Json> evaluations = run.events("eval");
  ASSERT_EQ(evaluations.size(), 2U);
  EXPECT_LT(evaluations[1]["eval_loss"], evaluations[0]["eval_loss"]);
  for (const char* name : {"eval_rewards/accuracies", "eval_rewards/margins", "eval_nll_loss",
                           "eval_log_odds_ratio", "eval_logits/chosen"}) {
    EXPECT_TRUE(evaluations[0].contains(name)) << name;
  }
}

TEST(ReferenceFree, WhatHasNoMeaningIsRefused) {
  const std::vector<Json> soft = {{{"prompt", "say:"}, {"chosen", " yes"}, {"rejected", " no"},
                                   {"chosen_probability", 0.7}}};
  const std::tuple<const char*, Json, std::vector<Json>, const char*> cases[] = {
      {"orpo", {{"ranking_ties", "half"}}, golden_pairs(), "ranking_ties"},
      {"cpo", Json::object(), soft, "soft label"},
      {"cpo", {{"loss_type", "sigmoidal"}}, golden_pairs(), "loss_type"},
      {"cpo", {{"beta", 0.0}}, golden_pairs(), "beta"},
      {"orpo", Json::object(), {{{"prompt", "a"}, {"completion", " b"}}}, "prompt+completion"},
  };
  for (const auto& [recipe, config, rows, expected] : cases) {
    const Status status = JobRun(recipe, rows, config).run();
    ASSERT_FALSE(status.ok()) << expected;
    EXPECT_NE(status.error().message().find(expected), std::string::npos)
        << status.error().message();
  }
}

}  // namespace
}  // namespace attune::engine::train
