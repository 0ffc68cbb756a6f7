// Runs the engine program, kills it, resumes it, and compares the bytes it leaves with those of a
// run that nobody disturbed (one thread).
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "engine/train/checkpoint_store.h"
#include "protocol/job.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

std::string rows_file(const TemporaryDirectory& folder) {
  const std::string path = folder.file("rows.jsonl");
  std::string lines;
  const std::vector<std::string> words = {"a", "the", "yes", "no", "maybe", "then", "that", "than"};
  for (size_t i = 0; i < 24; ++i) {
    std::string completion = " ";
    for (size_t k = 0; k < 3 + i % 5; ++k) completion += words[(i * 3 + k * k) % 8] + " ";
    lines += to_line(Json{{"prompt", "say " + words[i % 8] + ":"}, {"completion", completion}});
    lines += "\n";
  }
  EXPECT_TRUE(write_file(path, lines).ok());
  return path;
}

class EngineRun {
 public:
  EngineRun(const std::string& name, const std::string& rows, Json config)
      : directory_(folder_.file(name)), rows_(rows), config_(std::move(config)) {
    EXPECT_TRUE(make_directories(directory_).ok());
    const Json defaults = {{"threads", 1},         {"max_steps", 40},
                           {"save_steps", 4},      {"per_device_train_batch_size", 3},
                           {"logging_steps", 1000}, {"save_total_limit", 2},
                           {"learning_rate", 3e-3}};
    for (const auto& [key, value] : defaults.items()) {
      if (!config_.contains(key)) config_[key] = value;
    }
  }

  // Starts the program; `resume` as resume_from_checkpoint.
  pid_t start(bool resume) {
    Json config = config_;
    config["resume_from_checkpoint"] = resume ? "true" : "";
    const protocol::Job job{.recipe = "sft",
                            .config = config,
                            .model = testing::source_path("tests/golden/train/tiny"),
                            .adapter = "",
                            .train_files = {rows_},
                            .eval_files = {},
                            .output_dir = directory_};
    const std::string path = join_path(directory_, "job.json");
    EXPECT_TRUE(write_file(path, protocol::to_json(job).dump()).ok());
    const std::string program = testing::program_path("attune-engine");
    const pid_t child = fork();
    if (child == 0) {
      execl(program.c_str(), program.c_str(), "train", path.c_str(), nullptr);
      _exit(127);
    }
    return child;
  }

  int finish(bool resume) { return exit_code(start(resume)); }

  static int exit_code(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Sends `number` as soon as step `step` is in events.jsonl; the exit code.
  int interrupt_after(bool resume, int64_t step, int number) {
    const pid_t child = start(resume);
    const std::string mark = fmt::format("\"step\":{},\"loss\"", step);
    for (;;) {
      int status = 0;
      if (waitpid(child, &status, WNOHANG) == child) {
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      const auto events = read_file(join_path(directory_, "events.jsonl"));
      if (events.ok() && events->find(mark) != std::string::npos) break;
      sched_yield();
    }
    kill(child, number);
    return exit_code(child);
  }

  std::string hash(const std::string& file) const {
    const auto result = sha256_file(join_path(directory_, file));
    return result.ok() ? *result : result.error().message();
  }

  // The steps' losses and norms as they were printed.
  std::vector<std::string> steps() const {
    std::vector<std::string> found;
    std::istringstream lines(read_file(join_path(directory_, "events.jsonl")).value());
    for (std::string line; std::getline(lines, line);) {
      Json event = parse_json(line).value();
      if (event["event"] != "step") continue;
      event.erase("seconds");
      found.push_back(event.dump());
    }
    return found;
  }

  const std::string& directory() const { return directory_; }

 private:
  TemporaryDirectory folder_;
  std::string directory_;
  std::string rows_;
  Json config_;
};

void expect_same_after_kills(const Json& config, const std::string& result) {
  const TemporaryDirectory data;
  const std::string rows = rows_file(data);
  EngineRun whole("whole", rows, config);
  ASSERT_EQ(whole.finish(false), 0);
  ASSERT_EQ(whole.steps().size(), 40U);

  EngineRun killed("killed", rows, config);
  // A kill may come after the end on a busy machine, but hardly every time.
  int hits = killed.interrupt_after(false, 2, SIGKILL) != 0;  // before any checkpoint
  for (const int64_t step : {6, 13, 27}) hits += killed.interrupt_after(true, step, SIGKILL) != 0;
  EXPECT_GE(hits, 1);
  ASSERT_EQ(killed.finish(true), 0);
  EXPECT_EQ(killed.hash(result), whole.hash(result));
  EXPECT_EQ(killed.steps(), whole.steps());
}

TEST(ResumeTest, KilledFullTuningEndsInTheSameBytes) {
  expect_same_after_kills({{"gradient_accumulation_steps", 2}, {"max_tokens_per_batch", 40}},
                          "final/model.safetensors");
}

TEST(ResumeTest, KilledLoraWithDropoutEndsInTheSameBytes) {
  expect_same_after_kills({{"use_peft", true}, {"lora_r", 4}, {"lora_dropout", 0.2}},
                          "final/adapter_model.safetensors");
}

TEST(ResumeTest, SigtermFinishesTheStepAndLeavesACheckpoint) {
  const TemporaryDirectory data;
  const std::string rows = rows_file(data);
  const Json config = {{"save_strategy", "no"}, {"max_steps", 150}};
  EngineRun whole("whole", rows, config);
  ASSERT_EQ(whole.finish(false), 0);
  EngineRun stopped("stopped", rows, config);
  EXPECT_EQ(stopped.interrupt_after(false, 5, SIGTERM), 1);
  ASSERT_EQ(CheckpointStore(stopped.directory()).steps().size(), 1U);
  EXPECT_FALSE(exists(join_path(stopped.directory(), "final")));
  ASSERT_EQ(stopped.finish(true), 0);
  EXPECT_EQ(stopped.hash("final/model.safetensors"), whole.hash("final/model.safetensors"));
}

TEST(ResumeTest, ADamagedCheckpointFallsBackToTheOneBefore) {
  const TemporaryDirectory data;
  const std::string rows = rows_file(data);
  EngineRun whole("whole", rows, {{"max_steps", 150}});
  ASSERT_EQ(whole.finish(false), 0);
  EngineRun damaged("damaged", rows, {{"max_steps", 150}});
  EXPECT_EQ(damaged.interrupt_after(false, 14, SIGKILL), 128 + SIGKILL);
  const CheckpointStore store(damaged.directory());
  ASSERT_GE(store.steps().size(), 2U);
  std::filesystem::resize_file(
      join_path(store.folder_of(store.steps().back()), "parameters.safetensors"), 1000);
  ASSERT_EQ(damaged.finish(true), 0);
  EXPECT_EQ(damaged.hash("final/model.safetensors"), whole.hash("final/model.safetensors"));
}

TEST(ResumeTest, ADirectoryWithARunIsNotOverwrittenInSilence) {
  const TemporaryDirectory data;
  EngineRun run("run", rows_file(data), Json::object());
  ASSERT_EQ(run.finish(false), 0);
  EXPECT_EQ(run.finish(false), 2);
}

TEST(ResumeTest, TheRunDirectoryIsComplete) {
  const TemporaryDirectory data;
  const std::string rows = rows_file(data);
  EngineRun run("run", rows,
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
  const Json lineage = read_json_file(join_path(run.directory(), "lineage.json")).value();
  EXPECT_EQ(lineage["train_files"][0]["sha256"], sha256_file(rows).value());
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "generation_config.json"}) {
    EXPECT_TRUE(exists(join_path(run.directory(), std::string("final/") + name))) << name;
  }
}

}  // namespace
}  // namespace attune::engine::train
