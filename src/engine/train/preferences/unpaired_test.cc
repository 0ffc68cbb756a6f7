// `attune train kto`, `bco` and `dove` as a whole, on the small model: parity with TRL, values that
// are known beforehand, and what must not change a step.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/train/preferences/unpaired_method.h"
#include "engine/train/rows/mismatched_pairs.h"
#include "engine/train/testing/job_run.h"

namespace attune::engine::train {
namespace {

const Json& golden() {
  static const Json golden = train_golden_file("kto_tiny.json");
  return golden;
}
std::vector<Json> judged() { return golden()["rows"].get<std::vector<Json>>(); }

std::vector<Json> pairs() {
  std::vector<Json> rows;
  for (const char* word : {"yes", "no", "then", "maybe", "that", "a way"}) {
    rows.push_back({{"prompt", fmt::format("say {}:", word)}, {"chosen", fmt::format(" {}", word)},
                    {"rejected", " what?"}});
  }
  return rows;
}

std::vector<Json> steps_of(const std::string& recipe, const std::vector<Json>& rows,
                           const Json& config) {
  Json few = {{"max_steps", 4}, {"per_device_train_batch_size", 6}, {"learning_rate", 5e-3}};
  few.update(config);
  return JobRun(recipe, rows, few).steps();
}

void expect_same_steps(const std::vector<Json>& a, const std::vector<Json>& b, double relative) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(a.empty());
  for (size_t i = 0; i < a.size(); ++i) {
    for (const char* name : {"loss", "grad_norm"}) {
      EXPECT_NEAR(a[i][name].get<double>() / b[i][name].get<double>(), 1.0, relative)
          << name << " of step " << i + 1;
    }
  }
}

// Twenty steps with TRL's neighbours as mismatched pairs.
TEST(KtoTrajectory, EqualsTrl) {
  Json config = golden()["config"];
  config["kl_pairs"] = "blocks";
  const std::vector<Json> steps = JobRun("kto", judged(), config).steps();
  ASSERT_EQ(steps.size(), golden()["steps"].size());
  double largest_kl = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Json& expected = golden()["steps"][i];
    SCOPED_TRACE(fmt::format("step {}", i + 1));
    EXPECT_NEAR(steps[i]["loss"].get<double>() / expected["loss"].get<double>(), 1.0, 1e-4);
    EXPECT_NEAR(steps[i]["grad_norm"].get<double>() / expected["grad_norm"].get<double>(), 1.0,
                1e-2);
    largest_kl = std::max(largest_kl, expected["kl"].get<double>());
    for (const char* name : {"kl", "rewards/chosen", "rewards/rejected", "rewards/margins",
                             "logps/chosen", "logps/rejected", "logits/chosen",
                             "logits/rejected"}) {
      if (!expected.contains(name)) continue;
      ASSERT_TRUE(steps[i].contains(name)) << name;
      const double target = expected[name];
      EXPECT_NEAR(steps[i][name].get<double>(), target,
                  2e-3 * std::max(std::abs(target), 1e-2))
          << name;
    }
  }
  EXPECT_GT(largest_kl, 0.01);  // the reference point took part
}

// losses.md §17: policy = reference before the first update.
TEST(Unpaired, TheFirstStepHasItsValueInClosedForm) {
  const std::pair<const char*, Json> halves[] = {
      {"kto", Json::object()}, {"kto", {{"loss_type", "apo_zero_unpaired"}}}};
  for (const auto& [recipe, config] : halves) {
    const Json first = steps_of(recipe, judged(), config)[0];
    EXPECT_NEAR(first["loss"].get<double>(), 0.5, 1e-5);
  }
  const Json bco = steps_of("bco", judged(), Json::object())[0];
  EXPECT_NEAR(bco["loss"].get<double>(), std::log(2.0), 1e-5);
  EXPECT_NEAR(bco["delta"].get<double>(), 0, 1e-5);
  EXPECT_NEAR(steps_of("dove", pairs(), Json::object())[0]["loss"].get<double>(), std::log(2.0),
              1e-5);
}

// z and d belong to the whole step, so that passes add up to it.
TEST(Unpaired, HowAStepIsCutDoesNotChangeIt) {
  for (const char* recipe : {"kto", "bco"}) {
    const Json strong = {{"beta", 0.3}, {"learning_rate", 5e-3}};
    const std::vector<Json> whole = steps_of(recipe, judged(), strong);
    Json cut = strong;
    cut["max_tokens_per_batch"] = 40;
    expect_same_steps(steps_of(recipe, judged(), cut), whole, 1e-3);
    Json accumulated = strong;
    accumulated["per_device_train_batch_size"] = 2;
    accumulated["gradient_accumulation_steps"] = 3;
    expect_same_steps(steps_of(recipe, judged(), accumulated), whole, 1e-3);
    const char* constant = recipe == std::string("kto") ? "kl" : "delta";
    double largest = 0;  // it took part in these steps
    for (const Json& step : whole)
      largest = std::max(largest, std::abs(step[constant].get<double>()));
    EXPECT_GT(largest, 1e-3);
  }
}

TEST(Unpaired, APreferenceIsADesirableAndAnUndesirableCompletion) {
  std::vector<Json> singles;
  for (const Json& pair : pairs()) {
    singles.push_back(
        {{"prompt", pair["prompt"]}, {"completion", pair["chosen"]}, {"label", true}});
    singles.push_back(
        {{"prompt", pair["prompt"]}, {"completion", pair["rejected"]}, {"label", false}});
  }
  for (const char* recipe : {"kto", "bco"}) {
    expect_same_steps(steps_of(recipe, pairs(), Json::object()),
                      steps_of(recipe, singles, Json::object()), 1e-6);
  }
}

TEST(Unpaired, MarginsAreTheDifferenceOfTheMeans) {
  JobRun run("kto", judged(), {{"max_steps", 3}, {"per_device_train_batch_size", 6},
                               {"max_tokens_per_batch", 40}, {"learning_rate", 1e-2},
                               {"eval_strategy", "steps"}, {"eval_steps", 3}});
  run.evaluate_on(judged());
  const std::vector<Json> steps = run.steps();
  for (const Json& step : steps) {
    EXPECT_NEAR(step["rewards/margins"].get<double>(),
                step["rewards/chosen"].get<double>() - step["rewards/rejected"].get<double>(),
                1e-6);
  }
  const Json evaluation = run.events("eval").back();
  EXPECT_NEAR(evaluation["eval_rewards/margins"].get<double>(),
              evaluation["eval_rewards/chosen"].get<double>() -
                  evaluation["eval_rewards/rejected"].get<double>(),
              1e-6);
  EXPECT_GE(evaluation["eval_kl"].get<double>(), 0);
}

TEST(Unpaired, AdaptersHaveTheBaseAsReference) {
  for (const char* recipe : {"kto", "bco"}) {
    const std::vector<Json> steps = steps_of(
        recipe, judged(), {{"use_peft", true}, {"lora_r", 4}, {"learning_rate", 3e-2}});
    ASSERT_EQ(steps.size(), 4U);
    EXPECT_NEAR(steps[0]["rewards/chosen"].get<double>(), 0, 1e-5);
    EXPECT_NE(steps[3]["rewards/chosen"].get<double>(), 0);
  }
}

// With the same prompt on both sides, the prompt's terms cancel: DOVE is then DPO.
TEST(Dove, OnOrdinaryPairsIsDpo) {
  expect_same_steps(steps_of("dove", pairs(), Json::object()),
                    steps_of("dpo", pairs(), {{"loss_type", "sigmoid"}}), 1e-3);
}

TEST(Dove, InstructionsOfDifferentPairsAreLearned) {
  std::vector<Json> rows;
  for (const char* word : {"yes", "no", "then"}) {
    rows.push_back({{"chosen_prompt", fmt::format("say {}:", word)},
                    {"chosen", fmt::format(" {}", word)},
                    {"rejected_prompt", "what is that?"},
                    {"rejected", " a way"}});
  }
  JobRun run("dove", rows, {{"max_steps", 12}, {"per_device_train_batch_size", 3},
                            {"learning_rate", 5e-3}});
  const std::vector<Json> steps = run.steps();
  ASSERT_EQ(steps.size(), 12U);
  EXPECT_LT(steps.back()["loss"], 0.5);
  EXPECT_EQ(steps.back()["rewards/accuracies"], 1.0);
  // Log-probs count the instruction: "say yes: yes" has far more tokens than " yes".
  EXPECT_LT(steps[0]["logps/chosen"].get<double>(),
            steps_of("dpo", pairs(), Json::object())[0]["logps/chosen"].get<double>() - 5);
}

TEST(Unpaired, WhatHasNoMeaningIsRefused) {
  const std::vector<Json> one_prompt = {
      {{"prompt", "a:"}, {"completion", " yes"}, {"label", true}},
      {{"prompt", "a:"}, {"completion", " no"}, {"label", false}}};
  const std::tuple<const char*, Json, std::vector<Json>, const char*> cases[] = {
      {"kto", Json::object(), one_prompt, "two different prompts"},
      {"kto", {{"per_device_train_batch_size", 1}}, judged(), "two different prompts"},
      {"kto", {{"kl_pairs", "neighbours"}}, judged(), "kl_pairs"},
      {"kto", {{"kl_pairs", "blocks"}, {"train_sampling_strategy", "random"}}, judged(),
       "sequential"},
      {"kto", {{"loss_type", "kot"}}, judged(), "loss_type"},
      {"bco", {{"beta", 0.0}}, judged(), "beta"},
      {"kto", Json::object(), {{{"prompt", "a"}, {"completion", " b"}}}, "prompt+completion"},
      {"dove", Json::object(), judged(), "prompt+completion+label"},
  };
  for (const auto& [recipe, config, rows, expected] : cases) {
    const Status status = JobRun(recipe, rows, config).run();
    ASSERT_FALSE(status.ok()) << expected;
    EXPECT_NE(status.error().message().find(expected), std::string::npos)
        << status.error().message();
  }
}

TreeRow row_of(std::vector<int32_t> prompt, std::vector<int32_t> completion) {
  TreeRow row;
  row.tree = {std::move(prompt), {{std::move(completion), 0}}};
  return row;
}

TEST(Mismatched, EveryPromptMeetsAnotherPromptsCompletion) {
  const std::vector<TreeRow> all = {row_of({1}, {10}), row_of({2}, {20}), row_of({2}, {21}),
                                    row_of({3}, {30}), row_of({4}, {40})};
  std::set<std::vector<int32_t>> partners_of_first;
  for (int64_t step = 0; step < 40; ++step) {
    const auto trees = mismatched_trees(all, {0, 1, 2, 3, 4}, step, {});
    ASSERT_EQ(trees.size(), 5U);
    for (const models::TokenTree& tree : trees) {
      EXPECT_NE(tree.branches[0].ids[0] / 10, tree.prompt[0]);
    }
    partners_of_first.insert(trees[0].branches[0].ids);
    EXPECT_EQ(mismatched_trees(all, {0, 1, 2, 3, 4}, step, {})[0].branches[0].ids,
              trees[0].branches[0].ids);
  }
  EXPECT_EQ(partners_of_first.size(), 4U);  // each of the others, in some step
}

TEST(Mismatched, BlocksAreTheRowsBefore) {
  std::vector<TreeRow> all;
  for (int32_t i = 0; i < 7; ++i) all.push_back(row_of({i}, {10 * i}));
  const MismatchOptions blocks{.by = Mismatching::kBlocks, .block = 3};
  std::vector<int32_t> partners;
  for (const auto& tree : mismatched_trees(all, {0, 1, 2, 3, 4, 5, 6}, 0, blocks)) {
    partners.push_back(tree.branches[0].ids[0] / 10);
  }
  EXPECT_EQ(partners, (std::vector<int32_t>{2, 0, 1, 5, 3, 4, 6}));
}

TEST(Mismatched, LongPairsAreCutBehindTheirPrompt) {
  const std::vector<TreeRow> all = {row_of({1, 2, 3}, {4}), row_of({5}, {6, 7, 8, 9})};
  const auto trees = mismatched_trees(all, {0, 1}, 0, {.max_length = 5});
  ASSERT_EQ(trees.size(), 2U);
  EXPECT_EQ(trees[0].branches[0].ids, (std::vector<int32_t>{6, 7}));
  EXPECT_EQ(trees[1].branches[0].ids, (std::vector<int32_t>{4}));
}

}  // namespace
}  // namespace attune::engine::train
