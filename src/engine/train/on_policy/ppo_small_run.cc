#include "engine/train/on_policy/ppo_small_run.h"

#include <gtest/gtest.h>

#include "engine/generate/small_model.h"
#include "engine/models/score_head.h"
#include "engine/tensor/test_device.h"
#include "engine/tensor/threads.h"
#include "engine/train/on_policy/small_on_policy.h"
#include "engine/train/testing/golden_run.h"

namespace attune::engine::train {
namespace {

// Rows to learn "abcabc..." from.
std::vector<SftRow> small_pretraining() {
  std::vector<SftRow> rows;
  for (int64_t length : {5, 8, 12}) {
    TokenSequence sequence;
    for (int64_t i = 0; i < length; ++i) {
      sequence.ids.push_back(static_cast<int32_t>('a' + i % 3));
      sequence.trained.push_back(1);
    }
    rows.push_back({{sequence}, {{"pretraining.jsonl", static_cast<int64_t>(rows.size()) + 1}}});
  }
  return rows;
}

}  // namespace

struct SmallPpoRun::Models {
  std::unique_ptr<models::Decoder> policy, reference, value;
};

SmallPpoRun::SmallPpoRun(Json config, RewardFunction reward)
    : folder_(own_folder_.path()), reward_(new FunctionReward(std::move(reward))) {
  config_ = {{"max_steps", 3},          {"per_device_train_batch_size", 4},
             {"response_length", 8},    {"learning_rate", 1e-3},
             {"save_strategy", "no"},   {"logging_steps", 1000},
             {"kl_coef", 0.01},         {"train_sampling_strategy", "sequential"},
             {"value_source", "head"},  {"lr_scheduler_type", "constant"},
             {"temperature", 1.0},      {"use_peft", false}};
  config_.update(config);
}

SmallPpoRun::~SmallPpoRun() = default;

void SmallPpoRun::judge_evaluations_by(RewardFunction gold) {
  gold_ = std::make_unique<FunctionReward>(std::move(gold));
}

PpoSetup SmallPpoRun::make_setup() {
  models_ = std::make_unique<Models>();
  const bool peft = config_["use_peft"];
  PpoSetup setup;
  setup.options = read_ppo_options(config_).value();
  setup.options.rollout.stop_ids = {testing::kEndId, 'a', 'b', 'c'};
  models_->policy = small_policy_decoder(!peft);
  models::Decoder& policy = *models_->policy;
  PpoRoles& roles = setup.roles;
  roles.policy = {&policy, {}};
  if (peft) {
    EXPECT_TRUE(policy.adapters().create("default", small_lora(), 3).ok());
    policy.adapters().set_trainable("default", true);
    roles.policy.stack = {"default"};
    roles.reference = {&policy, {}};
  } else {
    models_->reference = small_policy_decoder(false);
    roles.reference = {models_->reference.get(), {}};
  }
  roles.value = roles.policy;
  const std::string source = config_["value_source"];
  std::vector<nn::Parameter> value;
  if (source == "adapter") {
    EXPECT_TRUE(policy.adapters().create("value", small_lora(), 4).ok());
    EXPECT_TRUE(models::add_score_head(policy, "value", {.seed = 0, .zero = true}).ok());
    policy.adapters().set_trainable("value", true);
    roles.value = {&policy, {"value"}};
    value = policy.adapters().parameters("value");
  } else if (source == "separate") {
    models_->value = small_policy_decoder(true);
    roles.value = {models_->value.get(), {}};
    value = models_->value->parameters().trainable();
  }
  if (source == "adapter") {
    roles.value_head = models::score_weight(policy, {"value"});
  } else {
    const Tensor zeros = models::new_score_weight(32, {.seed = 0, .zero = true});
    roles.value_head = on_test_device(zeros).set_requires_grad(true);
    value.push_back({models::kScoreWeight, roles.value_head});
  }
  for (const nn::Parameter& parameter : value) {
    roles.value_parameters.push_back({"value." + parameter.name, parameter.tensor});
  }
  for (const nn::Parameter& parameter :
       peft ? policy.adapters().parameters("default") : policy.parameters().trainable()) {
    setup.policy_parameters.push_back({parameter.name, parameter.tensor});
  }
  setup.options.rollout.adapters = roles.policy.stack;
  capture_values(&setup);
  setup.answer = [&policy, options = setup.options.rollout](const std::vector<PromptRow>& prompts,
                                                            const std::vector<int64_t>& rows,
                                                            int64_t step, const RowShare& share) {
    return make_rollouts(policy, testing::byte_tokenizer(), prompts, rows, step, options, share);
  };
  setup.reward = reward_.get();
  setup.gold = gold_.get();
  setup.train = small_prompt_rows(
      {"say it", "what now", "go on then", "and", "tell me more", "x y z", "once upon",
       "the end is"},
      "prompts.jsonl");
  setup.evaluation = small_prompt_rows({"held out", "another one"}, "held_out.jsonl");
  setup.pretraining = small_pretraining();
  return setup;
}

Result<TrainingOutcome> SmallPpoRun::run(bool resume) {
  set_compute_threads(1);
  PpoSetup made = make_setup();
  parameters_ = made.policy_parameters;
  parameters_.insert(parameters_.end(), made.roles.value_parameters.begin(),
                     made.roles.value_parameters.end());
  method_ = std::make_unique<PpoMethod>(std::move(made));
  TrainerSetup setup;
  setup.run_directory = folder_;
  setup.config = config_;
  setup.options = TRY(read_training_options(config_));
  setup.parameters = parameters_;
  setup.communicator = ranks_;
  setup.plan.max_tokens_per_batch = config_.value("max_tokens_per_batch", 2048);
  if (resume) setup.resume = TRY(CheckpointStore(folder_).newest());
  auto trainer = TRY(Trainer::create(std::move(setup), *method_));
  return trainer->run();
}

std::vector<Json> SmallPpoRun::events(const std::string& kind) const {
  std::vector<Json> events = events_of(folder_, kind);
  for (Json& event : events) for (const char* clock : {"seconds", "eps"}) event.erase(clock);
  return events;
}

std::map<std::string, std::vector<float>> SmallPpoRun::weights() const {
  std::map<std::string, std::vector<float>> weights;
  for (const optim::NamedTensor& parameter : parameters_) {
    const Tensor host = parameter.tensor.detach().to(at::kCPU).contiguous();
    const float* values = host.const_data_ptr<float>();
    weights[parameter.name] = {values, values + host.numel()};
  }
  return weights;
}

}  // namespace attune::engine::train
