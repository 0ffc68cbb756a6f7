#include "engine/train/testing/job_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/test_device.h"
#include "engine/train/run_job.h"
#include "engine/train/testing/golden_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

std::string write_lines(const std::string& path, const std::vector<Json>& rows) {
  std::string lines;
  for (const Json& row : rows) lines += to_line(row) + "\n";
  EXPECT_TRUE(write_file(path, lines).ok());
  return path;
}

}  // namespace

std::string tiny_model() { return testing::source_path("tests/golden/train/tiny"); }

Json train_golden_file(const std::string& name) {
  return read_json_file(testing::source_path("tests/golden/train/" + name)).value();
}

JobRun::JobRun(const std::string& recipe, const std::vector<Json>& rows, const Json& config) {
  job_.recipe = recipe;
  job_.config = {{"threads", 1}, {"save_strategy", "no"}, {"logging_steps", 1000},
                 {"train_sampling_strategy", "sequential"},
                 {"device", test_device_name()}};
  job_.config.update(config);
  job_.model = tiny_model();
  job_.train_files = {write_lines(data_.file("rows.jsonl"), rows)};
  job_.output_dir = folder_.path();
}

void JobRun::evaluate_on(const std::vector<Json>& rows) {
  job_.eval_files = {write_lines(data_.file("evaluation.jsonl"), rows)};
}

Status JobRun::run() { return run_job(job_); }

std::vector<Json> JobRun::events(const std::string& kind) const {
  return events_of(directory(), kind);
}

void expect_close(const Json& step, const Json& expected, const char* name, double relative) {
  ASSERT_TRUE(step.contains(name)) << name;
  if (test_device_name() != "cpu") relative *= 10;  // passes of other sizes sum in other orders
  const double value = step[name], target = expected[name];
  EXPECT_NEAR(value, target, relative * std::max(std::abs(target), 1e-2)) << name;
}

std::vector<Json> JobRun::steps() {
  const Status status = run();
  EXPECT_TRUE(status.ok()) << status.error().message();
  return status.ok() ? events("step") : std::vector<Json>();
}

}  // namespace attune::engine::train
