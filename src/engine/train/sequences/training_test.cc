// The whole loop on a tiny Llama: parity with Transformers, and what must not change the result.
#include <gtest/gtest.h>

#include "engine/train/checkpoint_store.h"
#include "engine/train/testing/golden_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

const std::string& tiny() {
  static const std::string path = attune::testing::source_path("tests/golden/train/tiny");
  return path;
}
const Json& tiny_golden() {
  static const Json golden =
      read_json_file(attune::testing::source_path("tests/golden/train/sft_tiny.json")).value();
  return golden;
}

TEST(TrainingTest, ThirtyStepsEqualTransformers) {
  const TemporaryDirectory run;
  const auto steps = train_golden(tiny(), tiny_golden(), {}, run.path());
  ASSERT_TRUE(steps.ok()) << steps.error().message();
  expect_parity(*steps, tiny_golden());
}

// Passes and recompute are about memory: the losses of the steps stay the same.
TEST(TrainingTest, PassesAndRecomputeDoNotChangeTheSteps) {
  for (const bool recompute : {false, true}) {
    const TemporaryDirectory run;
    Variant variant;
    variant.plan.max_tokens_per_batch = 20;
    variant.plan.recompute = recompute;
    variant.plan.chunk_rows = 7;
    const auto steps = train_golden(tiny(), tiny_golden(), variant, run.path());
    ASSERT_TRUE(steps.ok()) << steps.error().message();
    expect_parity(*steps, tiny_golden());
  }
}

// Packing all rows into one gives the loss of the unpacked rows: sequences do not see each other.
TEST(TrainingTest, PackedRowsHaveTheUnpackedLoss) {
  const Json once = {{"max_steps", 1}, {"per_device_train_batch_size", 20},
                     {"gradient_accumulation_steps", 1}};
  const TemporaryDirectory apart, together;
  const auto unpacked = train_golden(tiny(), tiny_golden(), {.config = once}, apart.path());
  Json packed_config = once;
  packed_config["per_device_train_batch_size"] = 1;
  const auto packed = train_golden(tiny(), tiny_golden(),
                                   {.pack_to = 1000, .config = packed_config}, together.path());
  ASSERT_TRUE(unpacked.ok() && packed.ok());
  EXPECT_NEAR((*packed)[0].loss / (*unpacked)[0].loss, 1.0, 1e-6);
  EXPECT_NEAR((*packed)[0].grad_norm / (*unpacked)[0].grad_norm, 1.0, 1e-4);
}

TEST(TrainingTest, ALossThatIsNoNumberNamesTheStepAndTheRows) {
  const TemporaryDirectory run;
  const auto steps =
      train_golden(tiny(), tiny_golden(), {.config = {{"learning_rate", 1e30}}}, run.path());
  ASSERT_FALSE(steps.ok());
  const std::string& message = steps.error().message();
  EXPECT_NE(message.find("step 3"), std::string::npos) << message;  // step 1 has rate 0
  EXPECT_NE(message.find("golden row"), std::string::npos) << message;
  EXPECT_NE(message.find("learning_rate"), std::string::npos) << message;
}

TEST(TrainingTest, EvaluationFindsTheBestStepAndStopsEarly) {
  const TemporaryDirectory run;
  Variant variant;
  variant.evaluation = golden_rows(tiny_golden());
  variant.evaluation.resize(4);
  variant.config = {{"eval_strategy", "steps"},      {"eval_steps", 2},
                    {"learning_rate", 1.0},          {"early_stopping_patience", 2},
                    {"load_best_model_at_end", true}, {"save_total_limit", 1}};
  const auto steps = train_golden(tiny(), tiny_golden(), variant, run.path());
  ASSERT_TRUE(steps.ok()) << steps.error().message();
  EXPECT_LT(steps->size(), 30U);
  const std::vector<Json> evaluations = events_of(run.path(), "eval");
  ASSERT_GE(evaluations.size(), 3U);
  double best = evaluations[0]["eval_loss"];
  int64_t best_step = evaluations[0]["step"];
  for (const Json& evaluation : evaluations) {
    EXPECT_TRUE(evaluation.contains("eval_mean_token_accuracy"));
    EXPECT_TRUE(evaluation.contains("eval_entropy"));
    if (evaluation["eval_loss"] < best) {
      best = evaluation["eval_loss"];
      best_step = evaluation["step"];
    }
  }
  const std::vector<Json> end = events_of(run.path(), "end");
  ASSERT_EQ(end.size(), 1U);
  EXPECT_EQ(end[0]["best_step"], best_step);
  EXPECT_EQ(CheckpointStore(run.path()).steps(), (std::vector<int64_t>{best_step}));
}

TEST(TrainingTest, EvaluationWithoutRowsIsAnError) {
  const TemporaryDirectory run;
  const auto steps =
      train_golden(tiny(), tiny_golden(), {.config = {{"eval_strategy", "epoch"}}}, run.path());
  ASSERT_FALSE(steps.ok());
  EXPECT_NE(steps.error().message().find("eval_strategy"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
