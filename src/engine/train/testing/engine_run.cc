#include "engine/train/testing/engine_run.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "base/sha256.h"
#include "base/test_device.h"
#include "protocol/job.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

int exit_code(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void write_rows(const std::string& path, size_t count) {
  const std::vector<std::string> words = {"a", "the", "yes", "no", "maybe", "then", "that", "than"};
  std::string lines;
  for (size_t i = 0; i < count; ++i) {
    std::string completion = " ";
    for (size_t k = 0; k < 3 + i % 5; ++k) completion += words[(i * 3 + k * k) % 8] + " ";
    lines += to_line(Json{{"prompt", "say " + words[i % 8] + ":"}, {"completion", completion}});
    lines += "\n";
  }
  ASSERT_TRUE(write_file(path, lines).ok());
}

EngineRun::EngineRun(std::string rows, std::vector<std::string> eval_files, Json config)
    : rows_(std::move(rows)), eval_files_(std::move(eval_files)), config_(std::move(config)) {
  const Json defaults = {{"threads", 1},          {"max_steps", 40},
                         {"save_steps", 4},       {"per_device_train_batch_size", 3},
                         {"logging_steps", 1000}, {"save_total_limit", 2},
                         {"learning_rate", 3e-3},  {"device", test_device_name()}};
  for (const auto& [key, value] : defaults.items()) {
    if (!config_.contains(key)) config_[key] = value;
  }
}

pid_t EngineRun::start(bool resume, const std::map<std::string, std::string>& environment) {
  Json config = config_;
  config["resume_from_checkpoint"] = resume ? "true" : "";
  const protocol::Job job{.recipe = recipe_,
                          .config = config,
                          .model = testing::source_path("tests/golden/train/tiny"),
                          .adapter = adapter_,
                          .models = {},
                          .train_files = {rows_},
                          .eval_files = eval_files_,
                          .further_files = further_files_,
                          .output_dir = directory()};
  const std::string path = join_path(directory(), "job.json");
  EXPECT_TRUE(write_file(path, protocol::to_json(job).dump()).ok());
  const std::string program = testing::program_path("attune-engine");
  const pid_t child = fork();
  if (child == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    setenv("ATTUNE_LOG", "error", 1);
    execl(program.c_str(), program.c_str(), "train", path.c_str(), nullptr);
    _exit(127);
  }
  return child;
}

int EngineRun::finish(bool resume, const std::map<std::string, std::string>& environment) {
  return exit_code(start(resume, environment));
}

int EngineRun::interrupt_at(bool resume, const std::string& mark, int number) {
  const pid_t child = start(resume);
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    const auto events = read_file(join_path(directory(), "events.jsonl"));
    if (events.ok() && events->find(mark) != std::string::npos) break;
    sched_yield();
  }
  kill(child, number);
  return exit_code(child);
}

std::string EngineRun::hash(const std::string& file) const {
  const auto result = sha256_file(join_path(directory(), file));
  return result.ok() ? *result : result.error().message();
}

std::vector<std::string> EngineRun::events(bool checkpoints) const {
  std::set<std::string> left_out = {"start", "resume", "interrupted"};
  if (!checkpoints) left_out.insert("checkpoint");
  std::vector<std::string> found;
  std::istringstream lines(read_file(join_path(directory(), "events.jsonl")).value());
  for (std::string line; std::getline(lines, line);) {
    Json event = parse_json(line).value();
    if (left_out.contains(event["event"])) continue;
    event.erase("seconds");
    event.erase("path");
    found.push_back(event.dump());
  }
  return found;
}

}  // namespace attune::engine::train
