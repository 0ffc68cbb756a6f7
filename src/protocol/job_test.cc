#include "protocol/job.h"

#include <gtest/gtest.h>

namespace attune::protocol {
namespace {

Job sample_job() {
  Job job;
  job.recipe = "sft";
  job.config = {{"learning_rate", 2e-5}, {"max_steps", 3}};
  job.written = {"max_steps"};
  job.model = "/models/m.gguf";
  job.train_files = {"/run/data/train.jsonl"};
  job.output_dir = "/run";
  return job;
}

TEST(Job, RoundTrip) {
  Job job = parse_job(to_json(sample_job())).value();
  EXPECT_EQ(to_json(job), to_json(sample_job()));
  EXPECT_EQ(job.config["learning_rate"], 2e-5);
  EXPECT_EQ(job.written, std::set<std::string>{"max_steps"});
}

TEST(Job, MistakesNameTheMember) {
  const std::pair<const char*, Json> changes[] = {
      {"format", "other"}, {"version", 2},
      {"recipe", 5},       {"model", nullptr},
      {"config", "none"},  {"train_files", Json::array()},
      {"eval_files", "x"}, {"train_files", Json::array({1})},
      {"written", "seed"}};
  for (const auto& [key, value] : changes) {
    Json changed = to_json(sample_job());
    changed[key] = value;
    Result<Job> job = parse_job(changed);
    ASSERT_FALSE(job.ok()) << key;
    bool named = job.error().message().find(key) != std::string::npos ||
                 job.error().message().find("job") != std::string::npos;
    EXPECT_TRUE(named) << job.error().message();
  }
}

}  // namespace
}  // namespace attune::protocol
