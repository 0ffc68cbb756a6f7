// Whole jobs of any recipe on the small model of tests/golden/train, in this process, for the tests
// of all of train/.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "protocol/job.h"

namespace attune::engine::train {

// The small model's folder, and a golden beside it.
std::string tiny_model();
Json train_golden_file(const std::string& name);

class JobRun {
 public:
  // `rows` become a file of JSON lines. Defaults on top of the recipe's own: one thread, no
  // checkpoints, rows in their order.
  JobRun(const std::string& recipe, const std::vector<Json>& rows, const Json& config);

  protocol::Job& job() { return job_; }  // to change before run()
  void evaluate_on(const std::vector<Json>& rows);

  Status run();
  const std::string& directory() const { return folder_.path(); }
  std::vector<Json> events(const std::string& kind) const;
  // run() and the steps' events; a failed run fails the test.
  std::vector<Json> steps();

 private:
  TemporaryDirectory data_;
  TemporaryDirectory folder_;
  protocol::Job job_;
};

// A metric of a step within `relative` of another's (of a hundredth at least).
void expect_close(const Json& step, const Json& expected, const char* name, double relative);

}  // namespace attune::engine::train
