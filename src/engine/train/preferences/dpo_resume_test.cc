// Preference runs that are killed, resumed and killed again leave the bytes of one that was not
// (resume_test.cc); the reference's answers are those of the first start.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <memory>

#include "base/random.h"
#include "engine/train/testing/engine_run.h"

namespace attune::engine::train {
namespace {

void write_pairs(const std::string& path, size_t count) {
  const std::vector<std::string> words = {"a", "the", "yes", "no", "maybe", "then", "that", "than"};
  std::string lines;
  for (size_t i = 0; i < count; ++i) {
    std::string chosen, rejected;
    for (size_t k = 0; k < 2 + i % 5; ++k) chosen += " " + words[(i * 3 + k * k) % 8];
    for (size_t k = 0; k < 1 + i % 3; ++k) rejected += " " + words[(i + k * 5 + 1) % 8];
    lines += to_line(Json{{"prompt", "say " + words[i % 8] + ":"},
                          {"chosen", chosen + " yes"},
                          {"rejected", rejected}});
    lines += "\n";
  }
  ASSERT_TRUE(write_file(path, lines).ok());
}

class DpoResumeTest : public ::testing::Test {
 protected:
  DpoResumeTest() : rows_(data_.file("pairs.jsonl")) { write_pairs(rows_, 24); }

  std::unique_ptr<EngineRun> make(const Json& config) {
    auto run = std::make_unique<EngineRun>(rows_, std::vector<std::string>(), config);
    run->set_recipe("dpo");
    return run;
  }
  // The cached answers to the training rows.
  static std::string cache_of(const EngineRun& run) {
    const std::string folder = join_path(run.directory(), "reference");
    for (const std::string& name : list_directory(folder).value()) {
      if (name.starts_with("train-")) return join_path(folder, name);
    }
    return "";
  }

  TemporaryDirectory data_;
  std::string rows_;
};

TEST_F(DpoResumeTest, KilledAgainAndAgainEndsInTheSameBytes) {
  const std::vector<Json> configs = {
      {{"gradient_accumulation_steps", 2}, {"max_tokens_per_batch", 40}},
      {{"loss_type", {"aot"}}, {"eval_fraction", 0.1}, {"eval_strategy", "steps"},
       {"eval_steps", 3}},
      {{"sync_ref_model", true}, {"ref_model_sync_steps", 3}},
      {{"use_peft", true}, {"lora_r", 4}, {"lora_dropout", 0.2}, {"disable_dropout", false}}};
  for (size_t i = 0; i < configs.size(); ++i) {
    SCOPED_TRACE(configs[i].dump());
    const std::string result = configs[i].contains("use_peft") ? "final/adapter_model.safetensors"
                                                               : "final/model.safetensors";
    const auto whole = make(configs[i]);
    ASSERT_EQ(whole->finish(false), 0);
    Random random(7, i);
    const auto killed = make(configs[i]);
    bool started = false;
    for (uint64_t step = 2 + random.below(8); step < 40; step += 4 + random.below(20)) {
      killed->interrupt_at(started, fmt::format("\"step\":{},\"loss\"", step), SIGKILL);
      started = true;
    }
    ASSERT_EQ(killed->finish(true), 0);
    EXPECT_EQ(killed->hash(result), whole->hash(result));
    EXPECT_EQ(killed->events(true), whole->events(true));
  }
}

// The weights have moved by then; what the reference said is read, or computed from its own files.
TEST_F(DpoResumeTest, TheReferenceIsThatOfTheStartAlsoWhenItsCacheIsCut) {
  const Json config = {{"learning_rate", 1e-2}};
  const auto whole = make(config);
  ASSERT_EQ(whole->finish(false), 0);
  for (const bool cut : {false, true}) {
    const auto killed = make(config);
    killed->interrupt_at(false, "\"step\":14,\"loss\"", SIGKILL);
    const std::string cache = cache_of(*killed);
    ASSERT_NE(cache, "");
    const auto before = std::filesystem::last_write_time(cache);
    if (cut) std::filesystem::resize_file(cache, std::filesystem::file_size(cache) / 2);
    ASSERT_EQ(killed->finish(true), 0);
    EXPECT_EQ(killed->hash("final/model.safetensors"), whole->hash("final/model.safetensors"));
    if (!cut) {
      EXPECT_EQ(std::filesystem::last_write_time(cache), before);
    }
  }
}

TEST_F(DpoResumeTest, AnAdapterThatGoesOnKeepsItsStartAsReference) {
  const Json lora = {{"use_peft", true}, {"lora_r", 4}, {"learning_rate", 1e-2}};
  const auto first = make(lora);
  ASSERT_EQ(first->finish(false), 0);
  const std::string adapter = join_path(first->directory(), "final");
  const auto whole = make(lora);
  whole->set_adapter(adapter);
  ASSERT_EQ(whole->finish(false), 0);
  const auto killed = make(lora);
  killed->set_adapter(adapter);
  killed->interrupt_at(false, "\"step\":17,\"loss\"", SIGKILL);
  ASSERT_EQ(killed->finish(true), 0);
  EXPECT_EQ(killed->hash("final/adapter_model.safetensors"),
            whole->hash("final/adapter_model.safetensors"));
  EXPECT_EQ(killed->events(true), whole->events(true));
}

}  // namespace
}  // namespace attune::engine::train
