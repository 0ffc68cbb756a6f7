// What the value of a PPO run says before anything was learnt, by where it starts.
#include "engine/train/on_policy/ppo_models.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/models/reward_model.h"
#include "engine/models/save.h"
#include "engine/train/lineage.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

std::string tiny() { return testing::source_path("tests/golden/train/tiny"); }

// Two prompts, with two answers and one.
std::vector<Rollout> rollouts() {
  std::vector<Rollout> made(2);
  made[0].tree = {{4, 5, 6}, {{{7, 8, 9, 2}, 0}, {{10, 2}, 0}}};
  made[1].tree = {{11, 12}, {{{13, 14, 15}, 0}}};
  for (Rollout& rollout : made) rollout.samples.resize(rollout.tree.branches.size());
  return made;
}

class PpoModelsTest : public ::testing::Test {
 protected:
  // A model folder with a score head; with `swapped` two letters of its tokenizer change places.
  std::string full_reward(bool swapped = false) {
    const std::string folder = data_.file("reward");
    const auto files = weights::ModelFiles::open(tiny()).value();
    models::LoadOptions options;
    options.score_head = models::NewScoreHead{.seed = 5};
    const auto decoder = models::Decoder::load(files, options).value();
    EXPECT_TRUE(models::save_decoder(*decoder, files, folder).ok());
    const std::string path = join_path(folder, "tokenizer.json");
    Json tokenizer = read_json_file(path).value();
    if (swapped) std::swap(tokenizer["model"]["vocab"]["y"], tokenizer["model"]["vocab"]["s"]);
    EXPECT_TRUE(write_json_file(path, tokenizer).ok());
    return folder;
  }

  // An adapter with a score head, learnt on the tiny model, which it names in another way.
  std::string reward_adapter() {
    const auto files = weights::ModelFiles::open(tiny()).value();
    const auto decoder = models::Decoder::load(files, {}).value();
    weights::LoraConfig lora;
    lora.r = 2;
    lora.target_modules = {"all-linear"};
    lora.base_model_name_or_path = join_path(tiny(), ".");
    EXPECT_TRUE(decoder->adapters().create("reward", lora, 3).ok());
    {
      c10::NoGradGuard no_grad;
      for (const nn::Parameter& parameter : decoder->adapters().parameters("reward")) {
        parameter.tensor.add_(0.05);
      }
    }
    EXPECT_TRUE(models::add_score_head(*decoder, "reward", {.seed = 5}).ok());
    const std::string folder = data_.file("adapter");
    EXPECT_TRUE(decoder->adapters().save("reward", folder).ok());
    return folder;
  }

  Result<PpoModels> load(Json config, const std::string& adapter = "") {
    config.update({{"threads", 1}, {"save_strategy", "no"}, {"output_dir", output_.path()}});
    job_.recipe = "ppo";
    job_.config = std::move(config);
    job_.model = tiny();
    job_.adapter = adapter;
    job_.output_dir = output_.path();
    TRY(write_lineage(job_, {}));
    run_ = std::make_unique<TrainingRun>(TRY(TrainingRun::prepare(job_)));
    TRY(run_->load_model());
    return load_ppo_models(job_, *run_);
  }

  std::string refusal(Json config) {
    const auto loaded = load(std::move(config));
    EXPECT_FALSE(loaded.ok());
    return loaded.ok() ? "" : loaded.error().message();
  }

  // Each value is the score of the text up to there, as the reward model itself reads it.
  void expect_scores_of(const std::string& reward, const PpoModels& loaded) {
    const auto model = models::RewardModel::load({reward}).value();
    const auto made = rollouts();
    const Measured measured = measure(loaded.roles, made, {});
    size_t sample = 0;
    for (const Rollout& rollout : made) {
      for (const models::TokenBranch& branch : rollout.tree.branches) {
        ASSERT_EQ(measured.values[sample].size(), branch.ids.size() + 1);
        for (size_t read = 0; read <= branch.ids.size(); ++read) {
          models::TokenTree alone;
          alone.branches.push_back({rollout.tree.prompt, 0});
          auto& ids = alone.branches[0].ids;
          ids.insert(ids.end(), branch.ids.begin(),
                     branch.ids.begin() + static_cast<std::ptrdiff_t>(read));
          EXPECT_NEAR(measured.values[sample][read], model.score({alone}).value()[0], 1e-5)
              << sample << " after " << read;
        }
        ++sample;
      }
    }
  }

  void expect_zeros(const PpoModels& loaded) {
    for (const auto& values : measure(loaded.roles, rollouts(), {}).values) {
      for (float value : values) EXPECT_EQ(value, 0);
    }
  }

  TemporaryDirectory data_;
  TemporaryDirectory output_;
  protocol::Job job_;
  std::unique_ptr<TrainingRun> run_;
};

TEST_F(PpoModelsTest, ASeparateValueStartsAsTheRewardModel) {
  const std::string reward = full_reward();
  const auto loaded = load({{"reward_model_path", {reward}}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_FALSE(loaded->roles.value.decoder == &run_->decoder());
  expect_scores_of(reward, *loaded);
}

TEST_F(PpoModelsTest, ASeparateValueStartsAsARewardAdapterOnItsBase) {
  const std::string reward = reward_adapter();
  const auto loaded = load({{"reward_model_path", {reward}}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  expect_scores_of(reward, *loaded);
}

TEST_F(PpoModelsTest, AnAdapterStartsAsTheRewardThatWasLearntOnItsTrunk) {
  const std::string reward = reward_adapter();
  const auto loaded = load({{"reward_model_path", {reward}}, {"use_peft", true}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_TRUE(loaded->roles.value.decoder == &run_->decoder());
  expect_scores_of(reward, *loaded);
}

// model_name_or_path is the policy's adapter; the value's folder names the base all the same.
TEST_F(PpoModelsTest, AValueBesideAnAdapterThatGoesOnNamesTheBase) {
  const std::string start = reward_adapter();
  const auto loaded = load({{"use_peft", true}, {"model_name_or_path", start}}, start);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  ASSERT_TRUE(loaded->save_value(output_.path()).ok());
  const std::string value = join_path(output_.path(), "value");
  const Json config = read_json_file(join_path(value, "adapter_config.json")).value();
  EXPECT_EQ(config["base_model_name_or_path"], join_path(tiny(), "."));
  const auto model = models::RewardModel::load({value});
  EXPECT_TRUE(model.ok()) << model.error().message();
}

// It still judges by text (ModelReward); its weights cannot read the policy's ids.
TEST_F(PpoModelsTest, ARewardModelOfAnotherTokenizerIsNoStart) {
  const Json config = {{"reward_model_path", {full_reward(true)}}};
  const auto loaded = load(config);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  expect_zeros(*loaded);
  Json wanted = config;
  wanted["value_init"] = "from_rm";
  const std::string message = refusal(wanted);
  EXPECT_NE(message.find("another tokenizer"), std::string::npos) << message;
  EXPECT_NE(message.find("value_init: zero"), std::string::npos) << message;
}

TEST_F(PpoModelsTest, WhereNothingFitsTheValueStartsAtZero) {
  const std::string reward = full_reward();
  for (const char* source : {"adapter", "head"}) {
    Json config = {{"reward_model_path", {reward}}, {"use_peft", true}, {"value_source", source}};
    const auto loaded = load(config);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    expect_zeros(*loaded);
    config["value_init"] = "from_rm";
    EXPECT_NE(refusal(config).find("other weights than the policy's trunk"), std::string::npos);
  }
  EXPECT_NE(refusal({{"value_init", "from_rm"}}).find("needs a reward model"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
