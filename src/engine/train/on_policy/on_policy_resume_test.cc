// On-policy runs that are killed and resumed end in the bytes of undisturbed ones: what a step
// samples follows from the seed, the step and the row.
#include <gtest/gtest.h>
#include <signal.h>

#include "base/file.h"
#include "engine/train/checkpoint_store.h"
#include "engine/train/testing/engine_run.h"

namespace attune::engine::train {
namespace {

// Rewards an answer by its length, in shell.
const std::string kReward =
    R"(while read -r line; do id=${line#*:}; id=${id%%,*}; text=${line##*completion}; )"
    R"(echo "{\"id\":$id,\"reward\":${#text}}"; done)";

struct Case {
  std::string recipe;
  Json config;
};

std::vector<Case> cases() {
  return {{"rloo", {{"num_generations", 3}, {"max_completion_length", 6}, {"beta", 0.05},
                    {"num_iterations", 2}, {"eval_fraction", 0.1}, {"eval_strategy", "steps"},
                    {"eval_steps", 3}}},
          {"grpo", {{"num_generations", 3}, {"max_completion_length", 6}, {"beta", 0.04},
                    {"use_peft", true}, {"lora_r", 4}, {"max_tokens_per_batch", 40}}},
          {"reinforce_plus_plus", {{"num_generations", 1}, {"max_completion_length", 6},
                                   {"beta", 0.01}, {"gradient_accumulation_steps", 2}}},
          {"online_dpo", {{"max_new_tokens", 6}, {"beta", {0.2, 0.1}}, {"use_peft", true},
                          {"lora_r", 4}}},
          {"spin", {{"max_new_tokens", 6}, {"iterates", 4}}},
          {"spin", {{"max_new_tokens", 6}, {"iterates", 3}, {"use_peft", true}, {"lora_r", 4},
                    {"eval_fraction", 0.1}, {"eval_strategy", "steps"}, {"eval_steps", 5}}}};
}

class OnPolicyResume : public ::testing::TestWithParam<size_t> {};

TEST_P(OnPolicyResume, KilledAndResumedEndsInTheSameBytes) {
  Case one = cases()[GetParam()];
  TemporaryDirectory data;
  const std::string rows = data.file("rows.jsonl");
  write_rows(rows, 24);
  one.config["max_steps"] = 14;
  one.config["reward_command"] = {kReward};
  const std::string result = one.config.value("use_peft", false)
                                 ? "final/adapter_model.safetensors"
                                 : "final/model.safetensors";
  EngineRun whole(rows, {}, one.config);
  whole.set_recipe(one.recipe);
  ASSERT_EQ(whole.finish(false), 0);
  EngineRun killed(rows, {}, one.config);
  killed.set_recipe(one.recipe);
  killed.interrupt_at(false, "\"step\":5,\"loss\"", SIGKILL);
  killed.interrupt_at(true, "\"step\":10,\"loss\"", SIGKILL);
  ASSERT_EQ(killed.finish(true), 0);
  EXPECT_EQ(killed.hash(result), whole.hash(result));
  EXPECT_EQ(killed.events(true), whole.events(true));
  if (one.recipe == "spin") {
    EXPECT_EQ(killed.hash("iterates.json"), whole.hash("iterates.json"));
  }
}

INSTANTIATE_TEST_SUITE_P(Trainers, OnPolicyResume, ::testing::Range<size_t>(0, cases().size()),
                         [](const auto& one) {
                           const Case run = cases()[one.param];
                           return run.recipe + (run.config.value("use_peft", false) ? "_lora" : "");
                         });

}  // namespace
}  // namespace attune::engine::train
