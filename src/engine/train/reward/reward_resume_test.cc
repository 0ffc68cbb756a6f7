// Runs of reward models that are killed and resumed end in the bytes of undisturbed ones.
#include <gtest/gtest.h>
#include <signal.h>

#include "base/file.h"
#include "engine/train/testing/engine_run.h"

namespace attune::engine::train {
namespace {

// Pairs and rankings of ragged lengths that the small model can read.
void write_judgements(const std::string& path, size_t count) {
  const std::vector<std::string> words = {"a", "the", "yes", "no", "maybe", "then", "that", "than"};
  std::string lines;
  for (size_t i = 0; i < count; ++i) {
    Json answers = Json::array(), ranks = Json::array();
    for (size_t k = 0; k < 2 + i % 3; ++k) {
      std::string answer;
      for (size_t w = 0; w <= (i + k) % 4; ++w) answer += words[(i * 3 + k + w) % 8] + " ";
      answers.push_back(answer);
      ranks.push_back(1 + (k + i) % (2 + i % 3));
    }
    lines += to_line(Json{{"prompt", "say " + words[i % 8] + words[i / 8] + ": "},
                          {"completions", answers},
                          {"ranks", ranks}});
    lines += "\n";
  }
  ASSERT_TRUE(write_file(path, lines).ok());
}

void expect_same_bytes_after_kills(const Json& config, const std::string& result) {
  TemporaryDirectory data;
  const std::string rows = data.file("rows.jsonl");
  write_judgements(rows, 24);
  EngineRun whole(rows, {}, config);
  whole.set_recipe("reward");
  ASSERT_EQ(whole.finish(false), 0);
  EngineRun killed(rows, {}, config);
  killed.set_recipe("reward");
  killed.interrupt_at(false, "\"step\":6,\"loss\"", SIGKILL);
  killed.interrupt_at(true, "\"step\":19,\"loss\"", SIGKILL);
  ASSERT_EQ(killed.finish(true), 0);
  EXPECT_EQ(killed.hash(result), whole.hash(result));
  EXPECT_EQ(killed.hash("reward_evaluation.json"), whole.hash("reward_evaluation.json"));
  EXPECT_EQ(killed.events(true), whole.events(true));
}

TEST(RewardResumeTest, AFullModelEndsInTheSameBytes) {
  expect_same_bytes_after_kills({{"normalise_before", true},
                                 {"normalise_rewards", "mean_std"},
                                 {"max_tokens_per_batch", 60},
                                 {"gradient_accumulation_steps", 2}},
                                "final/model.safetensors");
}

TEST(RewardResumeTest, AnAdapterEndsInTheSameBytes) {
  expect_same_bytes_after_kills({{"use_peft", true},
                                 {"lora_r", 4},
                                 {"lora_dropout", 0.2},
                                 {"disable_dropout", false},
                                 {"eval_fraction", 0.2},
                                 {"eval_strategy", "steps"},
                                 {"eval_steps", 5}},
                                "final/adapter_model.safetensors");
}

}  // namespace
}  // namespace attune::engine::train
