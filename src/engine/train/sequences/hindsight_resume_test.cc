// A Chain-of-Hindsight run that is killed and resumed ends in the bytes of one that was not: its
// pretraining rows and its masks are pure functions of the step.
#include <gtest/gtest.h>
#include <signal.h>

#include "base/file.h"
#include "engine/train/testing/engine_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

TEST(HindsightResume, KilledRunsEndInTheSameBytes) {
  const TemporaryDirectory data;
  const std::string rows = data.file("pairs.jsonl"), text = data.file("text.jsonl");
  std::string pairs, lines;
  for (int i = 0; i < 12; ++i) {
    pairs +=
        fmt::format(R"({{"prompt": "say {}:", "chosen": " yes {}", "rejected": " no"}})", i, i);
    pairs += "\n";
    lines += fmt::format(R"({{"text": "the {} then maybe {} that"}})", i, i * i) + "\n";
  }
  ASSERT_TRUE(write_file(rows, pairs).ok() && write_file(text, lines).ok());
  const Json config = {
      {"hindsight_templates", testing::source_path("examples/hindsight/dialogue.json")},
      {"hindsight_forms", {"np", "shuffled"}},
      {"fcm_max_ratio", 0.1},
      {"pretrain_rows_per_step", 2},
      {"max_tokens_per_batch", 120},
      {"max_steps", 14},
      {"save_steps", 3}};
  const std::map<std::string, std::vector<std::string>> further = {
      {"pretrain_dataset_name", {text}}};
  EngineRun whole(rows, {}, config);
  EngineRun killed(rows, {}, config);
  for (EngineRun* run : {&whole, &killed}) {
    run->set_recipe("hindsight");
    run->set_further_files(further);
  }
  ASSERT_EQ(whole.finish(false), 0);
  killed.interrupt_at(false, "\"step\":5,\"loss\"", SIGKILL);
  killed.interrupt_at(true, "\"step\":10,\"loss\"", SIGKILL);
  ASSERT_EQ(killed.finish(true), 0);
  EXPECT_EQ(killed.hash("final/model.safetensors"), whole.hash("final/model.safetensors"));
  EXPECT_EQ(killed.events(true), whole.events(true));
  const std::string step = whole.events(true).front();
  EXPECT_NE(step.find("pretrain_loss"), std::string::npos) << step;
  EXPECT_TRUE(exists(join_path(whole.directory(), "final/hindsight.json")));
}

}  // namespace
}  // namespace attune::engine::train
