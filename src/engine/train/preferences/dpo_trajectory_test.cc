// `attune train dpo` step by step beside what TRL logged (tests/golden/train/make_dpo.py).
#include <gtest/gtest.h>

#include <cmath>

#include "engine/train/testing/job_run.h"

namespace attune::engine::train {
namespace {

// One run of the golden: losses within 1e-4, gradient norms within 1 %, every metric that both log.
void expect_trajectory(const Json& golden, const Json& run) {
  JobRun ours("dpo", golden["rows"].get<std::vector<Json>>(), run["config"]);
  const std::vector<Json> steps = ours.steps();
  ASSERT_EQ(steps.size(), run["steps"].size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const Json& expected = run["steps"][i];
    SCOPED_TRACE(fmt::format("step {}", i + 1));
    EXPECT_NEAR(steps[i]["loss"].get<double>() / expected["loss"].get<double>(), 1.0, 1e-4);
    expect_close(steps[i], expected, "grad_norm", 1e-2);
    EXPECT_NEAR(steps[i]["learning_rate"].get<double>(), expected["learning_rate"].get<double>(),
                1e-12);
    for (const char* name : {"rewards/chosen", "rewards/rejected", "rewards/margins"}) {
      expect_close(steps[i], expected, name, 2e-3);
    }
    for (const char* name : {"logps/chosen", "logps/rejected", "num_tokens"}) {
      expect_close(steps[i], expected, name, 1e-4);
    }
    // While the policy is still the reference, rounding alone says which answer is ahead.
    if (expected["rewards/margins"] != 0.0) {
      expect_close(steps[i], expected, "rewards/accuracies", 1e-4);
    }
    // TRL averages these over batches, ours is the mean over the step's tokens.
    if (run["config"]["gradient_accumulation_steps"] != 1) continue;
    for (const char* name :
         {"entropy", "mean_token_accuracy", "logits/chosen", "logits/rejected"}) {
      expect_close(steps[i], expected, name, 2e-3);
    }
  }
}

class DpoTrajectory : public ::testing::TestWithParam<const char*> {};

TEST_P(DpoTrajectory, EqualsTrl) {
  const Json golden = train_golden_file("dpo_tiny.json");
  for (const Json& run : golden["runs"]) {
    if (run["name"] == GetParam()) return expect_trajectory(golden, run);
  }
  FAIL() << "the golden has no run " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Runs, DpoTrajectory,
                         ::testing::Values("sigmoid", "ipo", "mpo", "aot", "aot_unpaired",
                                           "weighted", "length_desensitised", "js_divergence",
                                           "moving_reference"),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace attune::engine::train
