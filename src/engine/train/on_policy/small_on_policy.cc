#include "engine/train/on_policy/small_on_policy.h"

#include <gtest/gtest.h>

#include "engine/generate/small_model.h"
#include "engine/tensor/test_device.h"
#include "engine/tensor/threads.h"
#include "engine/train/testing/golden_run.h"
#include "engine/train/trainer.h"

namespace attune::engine::train {

std::unique_ptr<models::Decoder> small_policy_decoder(bool trainable) {
  models::LoadOptions options;
  options.trainable = trainable;
  options.device = test_device();
  return testing::small_decoder(0, options);
}

weights::LoraConfig small_lora() {
  weights::LoraConfig config;
  config.r = 4;
  config.lora_alpha = 8;
  config.target_modules = {"all-linear"};
  return config;
}

std::vector<PromptRow> small_prompt_rows(const std::vector<std::string>& texts,
                                         const std::string& file) {
  const text::Tokenizer tokenizer = testing::byte_tokenizer();
  std::vector<PromptRow> rows;
  for (const std::string& text : texts) {
    PromptRow row;
    row.ids = tokenizer.encode(text);
    row.prompt = text;
    row.name = {file, static_cast<int64_t>(rows.size()) + 1};
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<double>> FunctionReward::score(const std::vector<RewardRequest>& requests) {
  std::vector<double> scores;
  for (const RewardRequest& request : requests) scores.push_back(function_(request));
  return scores;
}

std::unique_ptr<WeightedRewards> function_reward(FunctionReward::Function function) {
  std::vector<WeightedRewards::Part> parts;
  parts.push_back({"function", 1.0, std::make_unique<FunctionReward>(std::move(function))});
  return std::make_unique<WeightedRewards>(std::move(parts));
}

double even_share(const RewardRequest& request) {
  double even = 0;
  for (int32_t id : request.completion) even += id % 2 == 0 ? 1 : 0;
  return even / static_cast<double>(request.completion.size());
}

SmallPolicy::SmallPolicy(bool peft)
    : decoder(small_policy_decoder(!peft)), tokenizer(testing::byte_tokenizer()) {
  stop_ids = {testing::kEndId, 'a', 'b', 'c'};
  if (peft) {
    adapters = {"default"};
    EXPECT_TRUE(decoder->adapters().create("default", small_lora(), 3).ok());
    decoder->adapters().set_trainable("default", true);
    reference = {decoder.get(), {}};
  } else {
    start = small_policy_decoder(false);
    reference = {start.get(), {}};
  }
  for (const nn::Parameter& parameter :
       peft ? decoder->adapters().parameters("default") : decoder->parameters().trainable()) {
    parameters.push_back({parameter.name, parameter.tensor});
  }
}

PromptData SmallPolicy::prompts() const {
  PromptData data;
  data.train = small_prompt_rows({"Say", "one two", "Hello there", "?"}, "train.jsonl");
  data.evaluation = small_prompt_rows({"Go", "then what"}, "eval.jsonl");
  return data;
}

std::vector<Json> SmallPolicy::train(Method& method, const Json& config, const std::string& kind) {
  set_compute_threads(1);
  Json full = {{"max_steps", 3},         {"per_device_train_batch_size", 4},
               {"learning_rate", 1e-3},  {"save_strategy", "no"},
               {"logging_steps", 1000},  {"train_sampling_strategy", "sequential"},
               {"lr_scheduler_type", "constant"}};
  full.update(config);
  TrainerSetup setup;
  setup.run_directory = folder.path();
  setup.config = full;
  setup.options = read_training_options(full).value();
  setup.parameters = parameters;
  auto trainer = Trainer::create(std::move(setup), method);
  EXPECT_TRUE(trainer.ok());
  if (!trainer.ok()) return {};
  const auto outcome = (*trainer)->run();
  EXPECT_TRUE(outcome.ok()) << (outcome.ok() ? "" : outcome.error().message());
  return events_of(folder.path(), kind);
}

double mean_of(const std::vector<Json>& lines, size_t begin, size_t end, const std::string& name) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += lines[i][name].get<double>();
  return sum / static_cast<double>(end - begin);
}

}  // namespace attune::engine::train
