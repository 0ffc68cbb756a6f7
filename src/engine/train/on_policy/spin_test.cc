#include "engine/train/on_policy/spin_method.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json_file.h"
#include "engine/train/on_policy/small_on_policy.h"

namespace attune::engine::train {
namespace {

TreeData rows_of(const SmallPolicy& policy) {
  TreeData data;
  const auto add = [&](const std::string& prompt, const std::string& completion,
                       std::vector<TreeRow>* rows) {
    TreeRow row;
    row.tree.prompt = policy.tokenizer.encode(prompt);
    row.tree.branches.push_back({policy.tokenizer.encode(completion), 0});
    row.name = {"rows.jsonl", static_cast<int64_t>(rows->size()) + 1};
    rows->push_back(std::move(row));
  };
  add("Say", " yes, of course", &data.train);
  add("one two", " three", &data.train);
  add("Hello there", ", how are you", &data.train);
  add("?", "!", &data.train);
  add("Go", " on", &data.evaluation);
  return data;
}

SpinSetup setup_of(SmallPolicy& policy, int64_t steps_per_iterate) {
  SpinSetup setup;
  setup.loss.adapters = policy.adapters;
  setup.rollout.samples = 1;
  setup.rollout.response_length = 8;
  setup.rollout.stop_ids = policy.stop_ids;
  setup.policy_tensors = policy.parameters;
  if (policy.adapters.empty()) {
    setup.previous = policy.reference;
    for (const nn::Parameter& parameter : policy.start->parameters().all()) {
      setup.previous_tensors.push_back({"previous." + parameter.name, parameter.tensor});
    }
  } else {
    nn::Adapters& adapters = policy.decoder->adapters();
    const weights::LoraConfig config = adapters.find("default")->config;
    EXPECT_TRUE(adapters.create("previous", config, 0).ok());
    adapters.set_trainable("previous", false);
    setup.previous = {policy.decoder.get(), {"previous"}};
    for (const nn::Parameter& parameter : adapters.parameters("previous")) {
      setup.previous_tensors.push_back({"previous." + parameter.name, parameter.tensor});
    }
  }
  setup.rollout.adapters = setup.previous.stack;
  setup.steps_per_iterate = steps_per_iterate;
  setup.run_directory = policy.folder.path();
  return setup;
}

// At the first step of each iterate the policy is its own reference.
TEST(Spin, EveryIterateStartsAtLnTwo) {
  for (const bool peft : {false, true}) {
    SmallPolicy policy(peft);
    SpinMethod method(*policy.decoder, policy.tokenizer, setup_of(policy, 2), rows_of(policy));
    const auto steps = policy.train(method, {{"max_steps", 6}, {"learning_rate", 5e-3}});
    ASSERT_EQ(steps.size(), 6U);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(steps[i]["iterate"], 1 + static_cast<double>(i / 2));
      const double distance = std::abs(steps[i]["loss"].get<double>() - std::log(2.0));
      if (i % 2 == 0) {
        EXPECT_LT(distance, 1e-4) << i;
      } else {
        EXPECT_GT(distance, 1e-3) << i;
      }
    }
    const Json iterates =
        read_json_file(join_path(policy.folder.path(), "iterates.json")).value();
    ASSERT_EQ(iterates.size(), 3U);
    EXPECT_EQ(iterates[1]["first_step"], 3);
    EXPECT_NE(iterates[0]["previous_iterate_sha256"], iterates[1]["previous_iterate_sha256"]);
    EXPECT_NE(iterates[1]["previous_iterate_sha256"], iterates[2]["previous_iterate_sha256"]);
  }
}

TEST(Spin, TheRowsCompletionGainsOnTheOwnAnswer) {
  SmallPolicy policy(false);
  SpinMethod method(*policy.decoder, policy.tokenizer, setup_of(policy, 100), rows_of(policy));
  const auto steps = policy.train(method, {{"max_steps", 12}, {"learning_rate", 3e-3}});
  EXPECT_GT(mean_of(steps, 9, 12, "rewards/margins"), mean_of(steps, 1, 3, "rewards/margins"));
  EXPECT_GT(mean_of(steps, 9, 12, "logps/chosen"), mean_of(steps, 0, 1, "logps/chosen"));
}

TEST(Spin, StateHoldsThePreviousIterate) {
  SmallPolicy policy(false);
  SpinMethod method(*policy.decoder, policy.tokenizer, setup_of(policy, 2), rows_of(policy));
  EXPECT_EQ(method.state()["iterate"], -1);
  ASSERT_TRUE(method.begin_step(0, {0, 1}).ok());
  EXPECT_EQ(method.state()["iterate"], 0);
  EXPECT_EQ(method.state_tensors().size(), policy.parameters.size());
  ASSERT_TRUE(method.load_state({{"iterate", 4}}).ok());
  EXPECT_EQ(method.state()["iterate"], 4);
}

TEST(Spin, EvaluationHasALoss) {
  SmallPolicy policy(false);
  SpinMethod method(*policy.decoder, policy.tokenizer, setup_of(policy, 2), rows_of(policy));
  const auto lines = policy.train(
      method, {{"max_steps", 2}, {"eval_strategy", "steps"}, {"eval_steps", 1}}, "eval");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].contains("eval_loss"));
  EXPECT_TRUE(lines[0].contains("eval_rewards/margins"));
}

}  // namespace
}  // namespace attune::engine::train
