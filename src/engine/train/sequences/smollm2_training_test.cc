// Thirty steps of SmolLM2-135M against Transformers; about a minute on two cores.
#include <gtest/gtest.h>

#include "engine/tensor/arena.h"
#include "engine/tensor/threads.h"
#include "engine/train/testing/golden_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

TEST(SmolLm2TrainingTest, ThirtyStepsEqualTransformers) {
  const auto model = testing::smollm2_path();
  if (!model) GTEST_SKIP() << "the SmolLM2 GGUF is absent (set ATTUNE_SMOLLM2)";
  const auto found = read_json_file(testing::source_path("tests/golden/train/sft_smollm2.json"));
  ASSERT_TRUE(found.ok()) << found.error().message() << "; see tests/golden/train/README.md";
  const Json& golden = *found;
  install_arena();
  const TemporaryDirectory run;
  Variant variant;
  variant.plan.threads = available_cores();
  const auto steps = train_golden(*model, golden, variant, run.path());
  ASSERT_TRUE(steps.ok()) << steps.error().message();
  expect_parity(*steps, golden);
}

}  // namespace
}  // namespace attune::engine::train
