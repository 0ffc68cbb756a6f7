// Runs of several preference methods, killed and resumed: the same bytes as a run that nobody
// disturbed. BCO carries its running mean in the checkpoint; KTO's
// mismatched pairs are a pure function of the step.
#include <gtest/gtest.h>
#include <signal.h>

#include "base/file.h"
#include "engine/train/testing/engine_run.h"

namespace attune::engine::train {
namespace {

class PreferenceResume : public ::testing::TestWithParam<const char*> {};

TEST_P(PreferenceResume, KilledRunsEndInTheSameBytes) {
  const std::string recipe = GetParam();
  const TemporaryDirectory data;
  const std::string rows = data.file("pairs.jsonl");
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    const Json row =
        recipe == "dove" ? Json{{"chosen_prompt", fmt::format("say {}:", i)}, {"chosen", " yes"},
                                {"rejected_prompt", "what:"}, {"rejected", fmt::format(" {}", i)}}
                         : Json{{"prompt", fmt::format("say {}:", i)},
                                {"chosen", fmt::format(" yes {}", i * i)}, {"rejected", " no"}};
    lines += to_line(row) + "\n";
  }
  ASSERT_TRUE(write_file(rows, lines).ok());
  const Json config = {{"max_tokens_per_batch", 60}, {"max_steps", 12}, {"save_steps", 3},
                       {"use_peft", recipe == std::string("bco")}, {"lora_r", 4},
                       {"lora_dropout", 0.0}};
  const std::string result =
      recipe == "bco" ? "final/adapter_model.safetensors" : "final/model.safetensors";
  EngineRun whole(rows, {}, config);
  EngineRun killed(rows, {}, config);
  whole.set_recipe(recipe);
  killed.set_recipe(recipe);
  ASSERT_EQ(whole.finish(false), 0);
  killed.interrupt_at(false, "\"step\":5,\"loss\"", SIGKILL);
  killed.interrupt_at(true, "\"step\":8,\"loss\"", SIGKILL);
  ASSERT_EQ(killed.finish(true), 0);
  EXPECT_EQ(killed.hash(result), whole.hash(result));
  EXPECT_EQ(killed.events(true), whole.events(true));
}

INSTANTIATE_TEST_SUITE_P(Recipes, PreferenceResume,
                         ::testing::Values("orpo", "simpo", "kto", "bco", "dove"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace attune::engine::train
