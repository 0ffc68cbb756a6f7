// RLOO and GRPO's family on frozen rollouts, against three updates of TRL's own trainers
// (tests/golden/train_groups).
#include <gtest/gtest.h>

#include <c10/core/GradMode.h>

#include "base/json.h"
#include "engine/optim/gradients.h"
#include "engine/tensor/test_device.h"
#include "engine/train/on_policy/group_config.h"
#include "engine/train/on_policy/group_method.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

constexpr int32_t kEos = 2;

const Json& golden() {
  static const Json json =
      read_json_file(testing::source_path("tests/golden/train_groups/groups.json")).value();
  return json;
}

std::unique_ptr<models::Decoder> tiny(bool trainable) {
  const auto files =
      weights::ModelFiles::open(testing::source_path("tests/golden/train/tiny")).value();
  models::LoadOptions options;
  options.trainable = trainable;
  options.device = test_device();
  return models::Decoder::load(files, options).value();
}

PromptData golden_prompts() {
  PromptData data;
  for (const Json& ids : golden()["prompts"]) {
    PromptRow row;
    row.ids = ids.get<std::vector<int32_t>>();
    row.name = {"golden", static_cast<int64_t>(data.train.size()) + 1};
    data.train.push_back(std::move(row));
  }
  return data;
}

// The golden's answers as if they had been sampled and judged.
std::vector<Rollout> golden_rollouts() {
  const auto samples = golden()["num_generations"].get<size_t>();
  std::vector<Rollout> rollouts;
  for (size_t p = 0; p < golden()["prompts"].size(); ++p) {
    Rollout rollout;
    rollout.row = static_cast<int64_t>(p);
    rollout.tree.prompt = golden()["prompts"][p].get<std::vector<int32_t>>();
    for (size_t i = p * samples; i < (p + 1) * samples; ++i) {
      const auto ids = golden()["completions"][i].get<std::vector<int32_t>>();
      RolloutSample sample;
      sample.ended = ids.back() == kEos;
      sample.score = golden()["rewards"][i].get<double>();
      rollout.tree.branches.push_back({ids, 0});
      rollout.samples.push_back(std::move(sample));
    }
    rollouts.push_back(std::move(rollout));
  }
  return rollouts;
}

// As the trainers run it: TRL's options, the golden's sizes.
GroupSetup setup_of(const std::string& name, const Json& options) {
  Json config = options;
  const auto answers = static_cast<int64_t>(golden()["completions"].size());
  config["num_generations"] = golden()["num_generations"];
  config["max_completion_length"] = golden()["max_completion_length"];
  config["num_iterations"] = 3;
  TrainingOptions training;
  training.batch.rows_per_batch = answers;
  const bool rloo = name.starts_with("rloo");
  return read_group_setup(config, rloo ? GroupAlgorithm::kRloo : GroupAlgorithm::kGrpo, training)
      .value();
}

struct Update {
  double loss = 0;
  double grad_norm = 0;
  PassResult result;
};

// One optimiser update over the rows; each in a pass of its own when `apart`.
Update update(GroupMethod& method, const std::vector<int64_t>& rows, bool apart,
              optim::Optimizer& optimizer) {
  Update done;
  std::vector<std::vector<int64_t>> passes = {rows};
  if (apart) {
    passes.clear();
    for (int64_t row : rows) passes.push_back({row});
  }
  for (const std::vector<int64_t>& pass : passes) {
    done.result = method.pass(Split::kRollout, pass, {});
    done.loss += done.result.loss.item<double>();
    done.result.loss.backward();
  }
  done.grad_norm = optim::grad_norm(optimizer.parameters());
  c10::NoGradGuard no_grad;
  optimizer.step(golden()["learning_rate"].get<double>());
  optimizer.zero_grad();
  return done;
}

double value_of(const std::string& name, const std::map<std::string, double>& step,
                const PassResult& pass) {
  if (const auto found = step.find(name); found != step.end()) return found->second;
  const Mean mean = pass.means.at(name);
  return mean.sum / mean.count;
}

class GroupGolden : public ::testing::TestWithParam<std::tuple<std::string, bool>> {};

TEST_P(GroupGolden, ThreeUpdatesAreThoseOfTrl) {
  const auto& [name, apart] = GetParam();
  const Json& expected = golden()["cases"][name];
  GroupSetup setup = setup_of(name, expected["options"]);
  const auto decoder = tiny(/*trainable=*/true);
  const auto reference = tiny(/*trainable=*/false);
  const auto files =
      weights::ModelFiles::open(testing::source_path("tests/golden/train/tiny")).value();
  const text::Tokenizer tokenizer = weights::load_tokenizer(files).value();
  WeightedRewards rewards({});
  setup.reference = FrozenPolicy{reference.get(), {}};
  GroupMethod method(*decoder, tokenizer, rewards, std::move(setup), golden_prompts());
  std::vector<optim::NamedTensor> parameters;
  for (const nn::Parameter& parameter : decoder->parameters().trainable()) {
    parameters.push_back({parameter.name, parameter.tensor});
  }
  const auto optimizer = optim::Optimizer::create({}, parameters);
  std::map<std::string, double> metrics;
  const StepUpdates updates = method.learn_from(0, golden_rollouts(), metrics).value();
  ASSERT_EQ(updates.rows.size(), expected["updates"].size());
  metrics = updates.metrics;
  for (size_t i = 0; i < updates.rows.size(); ++i) {
    const Update done = update(method, updates.rows[i], apart, *optimizer);
    const auto loss = expected["updates"][i]["loss"].get<double>();
    const auto norm = expected["updates"][i]["grad_norm"].get<double>();
    EXPECT_NEAR(done.loss, loss, 1e-4 * std::abs(loss) + 2e-6) << "update " << i;
    EXPECT_NEAR(done.grad_norm, norm, 1e-3 * norm) << "update " << i;
    if (i > 0 || apart) continue;
    EXPECT_TRUE(method.end_step(&metrics).ok());
    for (const auto& [metric, value] : expected["metrics"].items()) {
      EXPECT_NEAR(value_of(metric, metrics, done.result), value.get<double>(),
                  1e-4 * std::abs(value.get<double>()) + 2e-6)
          << metric;
    }
    // The policy that answers is the one that learns: all ratios are 1.
    EXPECT_EQ(value_of("clip_ratio/region_mean", metrics, done.result), 0);
  }
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& [name, value] : golden()["cases"].items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Trl, GroupGolden,
                         ::testing::Combine(::testing::ValuesIn(case_names()),
                                            ::testing::Bool()),
                         [](const auto& param) {
                           return std::get<0>(param.param) +
                                  (std::get<1>(param.param) ? "_in_two_passes" : "");
                         });

}  // namespace
}  // namespace attune::engine::train
