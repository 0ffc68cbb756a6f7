// The whole loop on a tiny Llama: parity with Transformers, and what must not change the result.
#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "engine/tensor/threads.h"
#include "engine/train/sft_data.h"
#include "engine/train/sft_method.h"
#include "engine/train/trainer.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::train {
namespace {

std::vector<SftRow> golden_rows(const Json& golden) {
  std::vector<SftRow> rows;
  for (const Json& row : golden["rows"]) {
    TokenSequence sequence{row["ids"].get<std::vector<int32_t>>(),
                           row["trained"].get<std::vector<uint8_t>>()};
    rows.push_back({{std::move(sequence)}, {{"golden", static_cast<int64_t>(rows.size()) + 1}}});
  }
  return rows;
}

struct Step {
  double loss = 0;
  double grad_norm = 0;
  double learning_rate = 0;
};

struct Variant {
  Plan plan = {};
  std::optional<int64_t> pack_to{};
  std::vector<SftRow> evaluation{};
  Json config = Json::object();
};

std::vector<Json> events_of(const std::string& folder, const std::string& kind) {
  std::vector<Json> events;
  std::istringstream lines(read_file(join_path(folder, "events.jsonl")).value());
  for (std::string line; std::getline(lines, line);) {
    Json event = parse_json(line).value();
    if (event["event"] == kind) events.push_back(std::move(event));
  }
  return events;
}

// Trains the model at `path` on the golden's rows with the golden's configuration.
Result<std::vector<Step>> train(const std::string& path, const Json& golden,
                                const Variant& variant, const std::string& folder) {
  set_compute_threads(1);
  Json config = golden["config"];
  config["save_strategy"] = "no";
  config.update(variant.config);
  const auto files = TRY(weights::ModelFiles::open(path));
  const auto decoder = TRY(models::Decoder::load(files, {.trainable = true}));
  std::vector<SftRow> rows = golden_rows(golden);
  if (variant.pack_to) {
    DataReport report;
    rows = pack_sft_rows(rows, *variant.pack_to, PackingStrategy::kBestFit, &report);
  }
  SftMethod method(*decoder, {}, SftLoss::kNll, std::move(rows), variant.evaluation);
  TrainerSetup setup;
  setup.run_directory = folder;
  setup.config = config;
  setup.options = TRY(read_training_options(config));
  setup.plan = variant.plan;
  for (const nn::Parameter& parameter : decoder->parameters().trainable()) {
    setup.parameters.push_back({parameter.name, parameter.tensor});
  }
  const auto trainer = TRY(Trainer::create(std::move(setup), method));
  TRY(trainer->run());
  std::vector<Step> steps;
  for (const Json& event : events_of(folder, "step")) {
    steps.push_back({event["loss"], event["grad_norm"], event["learning_rate"]});
  }
  return steps;
}

void expect_parity(const std::vector<Step>& steps, const Json& golden) {
  ASSERT_EQ(steps.size(), golden["steps"].size());
  for (size_t i = 0; i < steps.size(); ++i) {
    const Json& expected = golden["steps"][i];
    const double loss = expected["loss"];
    const double norm = expected["grad_norm"];
    EXPECT_NEAR(steps[i].loss / loss, 1.0, 1e-4) << "step " << i + 1;
    EXPECT_NEAR(steps[i].grad_norm / norm, 1.0, 1e-2) << "step " << i + 1;
    EXPECT_NEAR(steps[i].learning_rate, expected["learning_rate"].get<double>(), 1e-12);
  }
}

const std::string& tiny() {
  static const std::string path = testing::source_path("tests/golden/train/tiny");
  return path;
}
const Json& tiny_golden() {
  static const Json golden =
      read_json_file(testing::source_path("tests/golden/train/sft_tiny.json")).value();
  return golden;
}

TEST(TrainingTest, ThirtyStepsEqualTransformers) {
  const TemporaryDirectory run;
  const auto steps = train(tiny(), tiny_golden(), {}, run.path());
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
    const auto steps = train(tiny(), tiny_golden(), variant, run.path());
    ASSERT_TRUE(steps.ok()) << steps.error().message();
    expect_parity(*steps, tiny_golden());
  }
}

// Packing all rows into one gives the loss of the unpacked rows: sequences do not see each other.
TEST(TrainingTest, PackedRowsHaveTheUnpackedLoss) {
  const Json once = {{"max_steps", 1}, {"per_device_train_batch_size", 20},
                     {"gradient_accumulation_steps", 1}};
  const TemporaryDirectory apart, together;
  const auto unpacked = train(tiny(), tiny_golden(), {.config = once}, apart.path());
  Json packed_config = once;
  packed_config["per_device_train_batch_size"] = 1;
  const auto packed = train(tiny(), tiny_golden(), {.pack_to = 1000, .config = packed_config},
                            together.path());
  ASSERT_TRUE(unpacked.ok() && packed.ok());
  EXPECT_NEAR((*packed)[0].loss / (*unpacked)[0].loss, 1.0, 1e-6);
  EXPECT_NEAR((*packed)[0].grad_norm / (*unpacked)[0].grad_norm, 1.0, 1e-4);
}

TEST(TrainingTest, ALossThatIsNoNumberNamesTheStepAndTheRows) {
  const TemporaryDirectory run;
  const auto steps =
      train(tiny(), tiny_golden(), {.config = {{"learning_rate", 1e30}}}, run.path());
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
  const auto steps = train(tiny(), tiny_golden(), variant, run.path());
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
      train(tiny(), tiny_golden(), {.config = {{"eval_strategy", "epoch"}}}, run.path());
  ASSERT_FALSE(steps.ok());
  EXPECT_NE(steps.error().message().find("eval_strategy"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
