// Runs the engine program, stops it, resumes it, and compares the bytes it leaves with those of a
// run that nobody disturbed (one thread).
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/random.h"
#include "base/sha256.h"
#include "engine/train/checkpoint_store.h"
#include "engine/train/testing/engine_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() : rows_(data_.file("rows.jsonl")) { write_rows(rows_, 24); }

  TemporaryDirectory data_;
  std::string rows_;
};

// A run that is killed at some step, resumed, killed again, and so on (kill_points_test.cc has the
// moments between a run's file operations).
TEST_F(ResumeTest, KilledAgainAndAgainEndsInTheSameBytes) {
  const char* tier = std::getenv("ATTUNE_TEST_TIER");
  const int runs = tier != nullptr && std::string(tier) == "full" ? 20 : 2;
  const std::vector<Json> configs = {
      {{"gradient_accumulation_steps", 2}, {"max_tokens_per_batch", 40}},
      {{"use_peft", true}, {"lora_r", 4}, {"lora_dropout", 0.2}, {"eval_fraction", 0.1},
       {"eval_strategy", "steps"}, {"eval_steps", 3}}};
  for (size_t i = 0; i < configs.size(); ++i) {
    const std::string result = i == 0 ? "final/model.safetensors"
                                      : "final/adapter_model.safetensors";
    EngineRun whole(rows_, {}, configs[i]);
    ASSERT_EQ(whole.finish(false), 0);
    for (int seed = 0; seed < runs; ++seed) {
      Random random(static_cast<uint64_t>(seed), i);
      EngineRun killed(rows_, {}, configs[i]);
      bool started = false;
      for (uint64_t step = 1 + random.below(10); step < 40; step += 1 + random.below(20)) {
        const std::string mark = fmt::format("\"step\":{},\"loss\"", step);
        killed.interrupt_at(started, mark, SIGKILL);
        started = true;
      }
      ASSERT_EQ(killed.finish(true), 0) << seed;
      EXPECT_EQ(killed.hash(result), whole.hash(result)) << seed;
      EXPECT_EQ(killed.events(true), whole.events(true)) << seed;
    }
  }
}

TEST_F(ResumeTest, SignalsFinishTheStepAndLeaveACheckpoint) {
  const Json config = {{"save_strategy", "no"}, {"max_steps", 150}};
  EngineRun whole(rows_, {}, config);
  ASSERT_EQ(whole.finish(false), 0);
  for (const int number : {SIGINT, SIGTERM}) {
    EngineRun stopped(rows_, {}, config);
    EXPECT_EQ(stopped.interrupt_at(false, "\"step\":5,\"loss\"", number), 1);
    ASSERT_EQ(CheckpointStore(stopped.directory()).steps().size(), 1U);
    EXPECT_FALSE(exists(join_path(stopped.directory(), "final")));
    ASSERT_EQ(stopped.finish(true), 0);
    EXPECT_EQ(stopped.hash("final/model.safetensors"), whole.hash("final/model.safetensors"));
    EXPECT_EQ(stopped.events(false), whole.events(false));
  }
}

// The signal comes while the evaluation rows are being read (there are many).
TEST_F(ResumeTest, ASignalDuringEvaluationWaitsForItsResult) {
  const std::string evaluation = data_.file("eval.jsonl");
  write_rows(evaluation, 2000);
  const Json config = {{"max_steps", 6}, {"eval_strategy", "steps"}, {"eval_steps", 3},
                       {"save_strategy", "no"}};
  EngineRun whole(rows_, {evaluation}, config);
  ASSERT_EQ(whole.finish(false), 0);
  EngineRun stopped(rows_, {evaluation}, config);
  EXPECT_EQ(stopped.interrupt_at(false, "\"step\":3,\"loss\"", SIGTERM), 1);
  ASSERT_EQ(CheckpointStore(stopped.directory()).steps(), (std::vector<int64_t>{3}));
  ASSERT_EQ(stopped.finish(true), 0);
  EXPECT_EQ(stopped.hash("final/model.safetensors"), whole.hash("final/model.safetensors"));
  EXPECT_EQ(stopped.events(false), whole.events(false));
}

TEST_F(ResumeTest, ADamagedCheckpointFallsBackToTheOneBefore) {
  const Json config = {{"max_steps", 150}};
  EngineRun whole(rows_, {}, config);
  ASSERT_EQ(whole.finish(false), 0);
  EngineRun damaged(rows_, {}, config);
  EXPECT_EQ(damaged.interrupt_at(false, "\"step\":14,\"loss\"", SIGKILL), 128 + SIGKILL);
  const CheckpointStore store(damaged.directory());
  ASSERT_GE(store.steps().size(), 2U);
  std::filesystem::resize_file(
      join_path(store.folder_of(store.steps().back()), "parameters.safetensors"), 1000);
  ASSERT_EQ(damaged.finish(true), 0);
  EXPECT_EQ(damaged.hash("final/model.safetensors"), whole.hash("final/model.safetensors"));
  EXPECT_EQ(damaged.events(true), whole.events(true));
}

// A finished run that is resumed has nothing to do but to write its end again.
TEST_F(ResumeTest, AFinishedRunStaysWhatItIs) {
  EngineRun run(rows_, {}, {{"max_steps", 6}, {"sample_prompts", {"say yes:"}}});
  ASSERT_EQ(run.finish(false), 0);
  const std::string hash = run.hash("final/model.safetensors");
  const std::vector<std::string> events = run.events(true);
  ASSERT_EQ(run.finish(true), 0);
  EXPECT_EQ(run.hash("final/model.safetensors"), hash);
  EXPECT_EQ(run.events(true), events);
}

TEST_F(ResumeTest, OtherRowsAreRefused) {
  EngineRun run(rows_, {}, {{"max_steps", 4}});
  ASSERT_EQ(run.finish(false), 0);
  write_rows(rows_, 23);
  EXPECT_EQ(run.finish(true), 1);
}

TEST_F(ResumeTest, ADirectoryWithARunIsNotOverwrittenInSilence) {
  EngineRun run(rows_, {}, Json::object());
  ASSERT_EQ(run.finish(false), 0);
  EXPECT_EQ(run.finish(false), 2);
}

TEST_F(ResumeTest, TheRunDirectoryIsComplete) {
  EngineRun run(rows_, {},
                {{"eval_strategy", "steps"}, {"eval_steps", 10}, {"eval_fraction", 0.1}});
  ASSERT_EQ(run.finish(false), 0);
  const auto names = list_directory(run.directory()).value();
  for (const char* name : {"data_report.json", "events.jsonl", "lineage.json", "final"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
  const Json report = read_json_file(join_path(run.directory(), "data_report.json")).value();
  EXPECT_EQ(report["train"]["rows"]["read"], 24);
  EXPECT_EQ(report["train"]["rows"]["used"], 21);
  EXPECT_EQ(report["evaluation"]["rows"]["used"], 3);
  const std::string events = read_file(join_path(run.directory(), "events.jsonl")).value();
  const Json start = parse_json(events.substr(0, events.find('\n'))).value();
  const Json state = CheckpointStore(run.directory()).newest().value()->state;
  EXPECT_EQ(start["plan"], state["plan"]);  // how it computes is recorded in both
  for (const char* part : {"dtype", "cpu", "threads", "max_tokens_per_batch", "recompute"}) {
    EXPECT_TRUE(start["plan"].contains(part)) << part;
  }
  const Json lineage = read_json_file(join_path(run.directory(), "lineage.json")).value();
  EXPECT_EQ(lineage["train_files"][0]["sha256"], sha256_file(rows_).value());
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "generation_config.json"}) {
    EXPECT_TRUE(exists(join_path(run.directory(), std::string("final/") + name))) << name;
  }
}

}  // namespace
}  // namespace attune::engine::train
