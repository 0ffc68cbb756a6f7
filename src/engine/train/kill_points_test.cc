// SIGKILL at every moment at which a run changes files: half a line of events.jsonl, half a tensor
// file, between a checkpoint's files and its rename, while old checkpoints are removed, between the
// beginning of an evaluation and its result, while final/ is written. The run that is resumed after
// that must leave the same bytes as one that nobody disturbed.
//
// tests/support/kill_at.cc counts the moments. `make test` goes through a spread of them, `make
// test-full` through many more.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "base/random.h"
#include "engine/train/testing/engine_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

bool full_tier() {
  const char* tier = std::getenv("ATTUNE_TEST_TIER");
  return tier != nullptr && std::string(tier) == "full";
}

// About `wanted` of the numbers 1..count, one at random from each stretch.
std::vector<int64_t> spread(int64_t count, int64_t wanted) {
  constexpr int64_t kFullTierTimes = 8;
  std::vector<int64_t> chosen;
  if (full_tier()) wanted = std::min(count, wanted * kFullTierTimes);
  Random random(20240607);
  for (int64_t i = 0; i < wanted; ++i) {
    const int64_t begin = i * count / wanted;
    const int64_t end = (i + 1) * count / wanted;
    if (end > begin) {
      const auto width = static_cast<uint64_t>(end - begin);
      chosen.push_back(begin + 1 + static_cast<int64_t>(random.below(width)));
    }
  }
  return chosen;
}

class KillPointsTest : public ::testing::Test {
 protected:
  KillPointsTest() : rows_(data_.file("rows.jsonl")), evaluation_(data_.file("eval.jsonl")) {
    write_rows(rows_, 24);
    write_rows(evaluation_, 5);
  }

  std::map<std::string, std::string> preload() const {
    return {{"LD_PRELOAD", ATTUNE_KILL_AT_LIBRARY}};
  }

  void expect_same_after_every_kill(const Json& config, const std::string& result,
                                    int64_t wanted) {
    EngineRun whole(rows_, {evaluation_}, config);
    auto environment = preload();
    environment["KILL_COUNT"] = data_.file("count");
    ASSERT_EQ(whole.finish(false, environment), 0);
    const int64_t count = std::stoll(read_file(data_.file("count")).value());
    ASSERT_GT(count, 100);
    for (const int64_t moment : spread(count, wanted)) {
      EngineRun killed(rows_, {evaluation_}, config);
      environment = preload();
      environment["KILL_AT"] = std::to_string(moment);
      ASSERT_EQ(killed.finish(false, environment), 128 + SIGKILL) << moment << " of " << count;
      ASSERT_EQ(killed.finish(true), 0) << moment << " of " << count;
      EXPECT_EQ(killed.hash(result), whole.hash(result)) << moment << " of " << count;
      EXPECT_EQ(killed.events(true), whole.events(true)) << moment << " of " << count;
    }
  }

  TemporaryDirectory data_;
  std::string rows_;
  std::string evaluation_;
};

// Full tuning in two passes a step; the best checkpoint is what the run ends with. The rate is so
// high that the last step is not the best.
TEST_F(KillPointsTest, FullTuningWithEvaluationAndTheBestCheckpoint) {
  expect_same_after_every_kill({{"max_steps", 9},
                                {"save_steps", 3},
                                {"eval_strategy", "steps"},
                                {"eval_steps", 3},
                                {"load_best_model_at_end", true},
                                {"save_total_limit", 1},
                                {"learning_rate", 0.05},
                                {"gradient_accumulation_steps", 2},
                                {"max_tokens_per_batch", 40},
                                {"sample_prompts", {"say yes:"}},
                                {"sample_max_new_tokens", 4}},
                               "final/model.safetensors", 12);
}

TEST_F(KillPointsTest, LoraWithDropoutOnPackedRows) {
  expect_same_after_every_kill({{"use_peft", true},
                                {"lora_r", 4},
                                {"lora_dropout", 0.2},
                                {"packing", true},
                                {"max_length", 64},
                                {"per_device_train_batch_size", 1},
                                {"max_steps", 8},
                                {"save_steps", 3},
                                {"eval_strategy", "steps"},
                                {"eval_steps", 4}},
                               "final/adapter_model.safetensors", 10);
}

// Early stopping counts evaluations across the kill.
TEST_F(KillPointsTest, EarlyStopping) {
  expect_same_after_every_kill({{"max_steps", 30},
                                {"save_steps", 2},
                                {"eval_strategy", "steps"},
                                {"eval_steps", 2},
                                {"early_stopping_patience", 2},
                                {"load_best_model_at_end", true},
                                {"learning_rate", 0.5}},
                               "final/model.safetensors", 6);
}

}  // namespace
}  // namespace attune::engine::train
