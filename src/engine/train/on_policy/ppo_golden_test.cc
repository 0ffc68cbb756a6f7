// PPO's first step with frozen rollouts against a plain double-precision implementation
// (tests/golden/train/make_ppo.py): old log-probs, advantages, returns, and each inner epoch; and
// against TRL's trainer (make_ppo_trl.py).
#include "engine/train/on_policy/ppo_method.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/models/score_head.h"
#include "engine/tensor/test_device.h"
#include "engine/train/testing/golden_run.h"
#include "engine/train/trainer.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::train {
namespace {

const Json& golden() {
  static const Json json =
      read_json_file(testing::source_path("tests/golden/train/ppo_tiny.json")).value();
  return json;
}

// The weights of make_ppo.py: element i gets scale * sin(stretch * i + length of the name).
void add_pattern(models::Decoder& decoder, double scale, double stretch) {
  c10::NoGradGuard no_grad;
  for (const nn::Parameter& parameter : decoder.parameters().all()) {
    if (parameter.name == models::kScoreWeight) continue;
    const Tensor wave = at::sin(at::arange(parameter.tensor.numel(), at::kDouble) * stretch +
                                static_cast<double>(parameter.name.size())) *
                        scale;
    Tensor target = parameter.tensor.detach();
    target.copy_(target.to(at::kCPU, at::kDouble) + wave.view_as(target));
  }
}

Tensor head_pattern() {
  const Tensor head = (at::sin(at::arange(32, at::kDouble) * 0.9 + 1) * 0.2).to(at::kFloat);
  return on_test_device(head.view({1, 32}));
}

std::unique_ptr<models::Decoder> load(bool trainable, bool score_head) {
  const auto files =
      weights::ModelFiles::open(testing::source_path("tests/golden/train/tiny")).value();
  models::LoadOptions options;
  options.trainable = trainable;
  options.device = test_device();
  if (score_head) options.score_head = models::NewScoreHead{};
  return models::Decoder::load(files, options).value();
}

class FrozenScores : public RewardSource {
 public:
  Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) override {
    std::vector<double> scores;
    for (const RewardRequest& request : requests) {
      scores.push_back(golden()["rollouts"][static_cast<size_t>(request.prompt->name.number) - 1]
                               ["score"]);
    }
    return scores;
  }
};

Result<std::vector<Rollout>> frozen(const std::vector<PromptRow>&,
                                    const std::vector<int64_t>& rows, int64_t,
                                    const RowShare&) {
  std::vector<Rollout> rollouts;
  for (int64_t row : rows) {
    const Json& one = golden()["rollouts"][static_cast<size_t>(row)];
    const auto answer = one["answer"].get<std::vector<int32_t>>();
    Rollout rollout;
    rollout.row = row;
    rollout.tree = {one["prompt"].get<std::vector<int32_t>>(), {{answer, 0}}};
    rollout.samples = {{std::vector<float>(answer.size()), {}, "", one["ended"].get<bool>(), 0}};
    rollouts.push_back(std::move(rollout));
  }
  return rollouts;
}

// Keeps what the Trainer says of each update.
class Recording : public PpoMethod {
 public:
  using PpoMethod::PpoMethod;
  bool after_update(const std::map<std::string, double>& metrics) override {
    updates.push_back(metrics);
    return PpoMethod::after_update(metrics);
  }
  std::vector<std::map<std::string, double>> updates;
};

// A run of one step with a case's conventions.
struct GoldenStep {
  GoldenStep(const Json& kind, int64_t tokens_per_pass, bool recompute) : config(kind["config"]) {
    policy = load(true, false);
    reference = load(false, false);
    add_pattern(*policy, 0.05, 0.37);
    PpoSetup setup;
    setup.options = read_ppo_options(config).value();
    setup.roles.policy = {policy.get(), {}};
    setup.roles.reference = {reference.get(), {}};
    if (config["value_source"] == "head") {
      setup.roles.value = setup.roles.policy;
      setup.roles.value_head = head_pattern().set_requires_grad(true);
      setup.roles.value_parameters = {{"value.score.weight", setup.roles.value_head}};
    } else {
      add_value_trunk(setup.roles);
    }
    setup.answer = frozen;
    setup.reward = &reward;
    for (size_t i = 0; i < golden()["rollouts"].size(); ++i) {
      PromptRow row;
      row.ids = golden()["rollouts"][i]["prompt"].get<std::vector<int32_t>>();
      row.name = {"golden", static_cast<int64_t>(i) + 1};
      setup.train.push_back(std::move(row));
    }
    plan.max_tokens_per_batch = tokens_per_pass;
    plan.recompute = recompute;
    method = std::make_unique<Recording>(std::move(setup));
  }

  void add_value_trunk(PpoRoles& roles) {
    value = load(true, true);
    add_pattern(*value, 0.04, 0.53);
    roles.value = {value.get(), {}};
    roles.value_head = models::score_weight(*value);
    c10::NoGradGuard no_grad;
    roles.value_head.detach().copy_(head_pattern());
    for (const nn::Parameter& parameter : value->parameters().trainable()) {
      roles.value_parameters.push_back({"value." + parameter.name, parameter.tensor});
    }
  }

  Json step() {
    Json run = config;
    run.update({{"max_steps", 1}, {"per_device_train_batch_size", 6}, {"save_strategy", "no"},
                {"lr_scheduler_type", "constant"}, {"train_sampling_strategy", "sequential"}});
    TrainerSetup setup;
    setup.run_directory = folder.path();
    setup.config = run;
    setup.options = read_training_options(run).value();
    setup.plan = plan;
    for (const nn::Parameter& parameter : policy->parameters().trainable()) {
      setup.parameters.push_back({parameter.name, parameter.tensor});
    }
    for (const optim::NamedTensor& own : method->parameters()) setup.parameters.push_back(own);
    auto trainer = Trainer::create(std::move(setup), *method);
    EXPECT_TRUE(trainer.ok());
    const auto outcome = (*trainer)->run();
    EXPECT_TRUE(outcome.ok()) << outcome.error().message();
    const auto steps = events_of(folder.path(), "step");
    return steps.empty() ? Json() : steps[0];
  }

  Json config;
  TemporaryDirectory folder;
  std::unique_ptr<models::Decoder> policy, reference, value;
  FrozenScores reward;
  Plan plan;
  std::unique_ptr<Recording> method;
};

void expect_packed(const Tensor& values, const Json& samples, const char* key,
                   const std::string& what) {
  const Tensor host = values.contiguous();
  std::vector<double> expected;
  for (const Json& sample : samples) {
    for (const Json& value : sample[key]) expected.push_back(value);
  }
  ASSERT_EQ(host.size(0), static_cast<int64_t>(expected.size())) << what << " " << key;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(host.const_data_ptr<float>()[i], expected[i], 1e-4)
        << what << " " << key << " " << i;
  }
}

void expect_update(const std::map<std::string, double>& got, const Json& expected,
                   const std::string& what) {
  const std::map<std::string, std::string> names = {
      {"loss/policy_avg", "policy"},     {"loss/value_avg", "value"},
      {"policy/approxkl_avg", "approxkl"}, {"policy/clipfrac_avg", "clipfrac"},
      {"val/clipfrac_avg", "value_clipfrac"}, {"val/ratio", "ratio"},
      {"policy/entropy_avg", "entropy"}};
  for (const auto& [name, key] : names) {
    const double value = expected[key];
    EXPECT_NEAR(got.at(name), value, 1e-5 + 1e-4 * std::abs(value)) << what << " " << name;
  }
}

class PpoGolden : public ::testing::TestWithParam<int> {};

TEST_P(PpoGolden, FirstStepEqualsThePlainImplementation) {
  const Json& kind = golden()["cases"][static_cast<size_t>(GetParam())];
  // One pass, several, and activations computed again.
  for (const auto& [tokens, recompute] :
       std::vector<std::pair<int64_t, bool>>{{2048, false}, {20, false}, {40, true}}) {
    GoldenStep run(kind, tokens, recompute);
    const std::string what =
        run.config["name"].get<std::string>() + " in passes of " + std::to_string(tokens);
    const Json step = run.step();
    expect_packed(run.method->batch().advantages(), kind["samples"], "advantages", what);
    expect_packed(run.method->batch().returns(), kind["samples"], "returns", what);
    ASSERT_EQ(run.method->updates.size(), kind["updates"].size());
    double loss = 0;
    double norm = 0;
    for (size_t i = 0; i < kind["updates"].size(); ++i) {
      const Json& expected = kind["updates"][i];
      expect_update(run.method->updates[i], expected, what + " epoch " + std::to_string(i + 1));
      loss += expected["loss"].get<double>() / 4;
      norm += expected["grad_norm"].get<double>() / 4;
    }
    EXPECT_NEAR(step["loss"].get<double>(), loss, 1e-5 + 1e-4 * std::abs(loss)) << what;
    EXPECT_NEAR(step["grad_norm"].get<double>(), norm, 1e-3 * norm) << what;
  }
}

// losses.md §17: before the first update nothing has moved.
TEST_P(PpoGolden, TheFirstUpdateHasRatioOneAndClipsNothing) {
  const Json& kind = golden()["cases"][static_cast<size_t>(GetParam())];
  GoldenStep run(kind, 20, false);
  run.step();
  const auto& first = run.method->updates.at(0);
  EXPECT_NEAR(first.at("val/ratio"), 1.0, 2e-6);
  EXPECT_EQ(first.at("policy/clipfrac_avg"), 0.0);
  EXPECT_LT(first.at("policy/approxkl_avg"), 1e-10);
  EXPECT_NEAR(first.at("loss/policy_avg"), 0.0, 5e-6);  // - mean of whitened advantages
}

// Four epochs by TRL 1.12's own loop, means of the whole step.
TEST(PpoTrlGolden, AStepSaysWhatTrlSays) {
  const Json& kind = golden()["cases"][0];
  ASSERT_EQ(kind["config"]["name"], "trl");
  const Json trl =
      read_json_file(testing::source_path("tests/golden/train/ppo_trl.json")).value();
  const Json step = GoldenStep(kind, 2048, false).step();
  EXPECT_EQ(trl["metrics"].size(), 9u);
  for (const auto& [name, value] : trl["metrics"].items()) {
    const double expected = value;
    EXPECT_NEAR(step.at(name).get<double>(), expected, 1e-5 + 1e-4 * std::abs(expected)) << name;
  }
}

std::string name_of_case(const ::testing::TestParamInfo<int>& info) {
  return golden()["cases"][static_cast<size_t>(info.param)]["config"]["name"];
}
INSTANTIATE_TEST_SUITE_P(Conventions, PpoGolden, ::testing::Range(0, 4), name_of_case);

}  // namespace
}  // namespace attune::engine::train
