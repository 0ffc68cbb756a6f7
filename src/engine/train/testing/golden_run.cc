#include "engine/train/testing/golden_run.h"

#include <gtest/gtest.h>

#include <sstream>

#include "engine/tensor/test_device.h"
#include "engine/tensor/threads.h"
#include "engine/train/rows/sft_data.h"
#include "engine/train/sequences/sft_method.h"
#include "engine/train/trainer.h"
#include "weights/model_files.h"

namespace attune::engine::train {

std::vector<SftRow> golden_rows(const Json& golden) {
  std::vector<SftRow> rows;
  for (const Json& row : golden["rows"]) {
    TokenSequence sequence{row["ids"].get<std::vector<int32_t>>(),
                           row["trained"].get<std::vector<uint8_t>>()};
    rows.push_back({{std::move(sequence)}, {{"golden", static_cast<int64_t>(rows.size()) + 1}}});
  }
  return rows;
}

std::vector<Json> events_of(const std::string& folder, const std::string& kind) {
  std::vector<Json> events;
  std::istringstream lines(read_file(join_path(folder, "events.jsonl")).value());
  for (std::string line; std::getline(lines, line);) {
    Json event = parse_json(line).value();
    if (event["event"] == kind) events.push_back(std::move(event));
  }
  return events;
}

Result<std::vector<Step>> train_golden(const std::string& path, const Json& golden,
                                       const Variant& variant, const std::string& folder) {
  set_compute_threads(static_cast<int>(variant.plan.threads));
  Json config = golden["config"];
  config["save_strategy"] = "no";
  config.update(variant.config);
  const auto files = TRY(weights::ModelFiles::open(path));
  models::LoadOptions load;
  load.trainable = true;
  load.device = test_device();
  const auto decoder = TRY(models::Decoder::load(files, load));
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

}  // namespace attune::engine::train
