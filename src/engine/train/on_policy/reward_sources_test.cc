#include "engine/train/on_policy/reward_sources.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/models/save.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

// Rewards an answer by its length, in shell.
const std::string kLength =
    R"(while read -r line; do id=${line#*:}; id=${id%%,*}; text=${line##*:\"}; text=${text%%\"*}; )"
    R"(echo "{\"id\":$id,\"reward\":${#text}}"; done)";

text::Tokenizer tiny_tokenizer() {
  const auto files =
      weights::ModelFiles::open(testing::source_path("tests/golden/train/tiny")).value();
  return weights::load_tokenizer(files).value();
}

struct Asked {
  std::vector<PromptRow> prompts;
  std::vector<RewardRequest> requests;
};

// Two prompts with two answers each.
Asked asked(const text::Tokenizer& tokenizer) {
  Asked all;
  for (const std::string prompt : {"the year", "my"}) {
    PromptRow row;
    row.prompt = prompt;
    row.ids = tokenizer.encode(prompt);
    row.name = {"rows.jsonl", static_cast<int64_t>(all.prompts.size()) + 1};
    all.prompts.push_back(std::move(row));
  }
  for (const PromptRow& prompt : all.prompts) {
    for (const std::string answer : {" yes", " they say"}) {
      all.requests.push_back({&prompt, tokenizer.encode(answer), answer, false});
    }
  }
  return all;
}

class Fixed : public RewardSource {
 public:
  explicit Fixed(std::vector<double> scores) : scores_(std::move(scores)) {}
  Result<std::vector<double>> score(const std::vector<RewardRequest>&) override { return scores_; }

 private:
  std::vector<double> scores_;
};

std::unique_ptr<WeightedRewards> two(std::vector<double> first, std::vector<double> second) {
  std::vector<WeightedRewards::Part> parts;
  parts.push_back({"good", 2.0, std::make_unique<Fixed>(std::move(first))});
  parts.push_back({"short", -0.5, std::make_unique<Fixed>(std::move(second))});
  return std::make_unique<WeightedRewards>(std::move(parts));
}

TEST(RewardSources, SeveralAreAddedUpWithWeights) {
  const Asked all = asked(tiny_tokenizer());
  const auto rewards = two({1, 2, 3, 4}, {2, 2, 2, 6});
  EXPECT_EQ(rewards->score(all.requests).value(), (std::vector<double>{1, 3, 5, 5}));
  std::map<std::string, double> metrics;
  add_reward_totals(rewards->totals(), &metrics);
  EXPECT_DOUBLE_EQ(metrics["rewards/good/mean"], 2.5);
  EXPECT_NEAR(metrics["rewards/good/std"], std::sqrt(5.0 / 3.0), 1e-12);  // unbiased, as TRL
  EXPECT_DOUBLE_EQ(metrics["rewards/short/mean"], 3.0);
  EXPECT_DOUBLE_EQ(metrics["rewards/short/std"], 2.0);
}

TEST(RewardSources, ARewardThatIsNoNumberIsNamed) {
  const Asked all = asked(tiny_tokenizer());
  const auto result = two({1, 2, 3, std::nan("")}, {0, 0, 0, 0})->score(all.requests);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(result.error().message().find("good"), std::string::npos);
  EXPECT_NE(result.error().message().find("rows.jsonl row 2"), std::string::npos);
}

TEST(RewardSources, ACommandSeesTexts) {
  const Asked all = asked(tiny_tokenizer());
  CommandReward reward(kLength, 5000);
  EXPECT_EQ(reward.score(all.requests).value(), (std::vector<double>{4, 9, 4, 9}));
}

// A reward model on the tiny trunk; with `swapped` two letters of its tokenizer change places.
std::string make_reward_model(const std::string& folder, bool swapped) {
  const auto files =
      weights::ModelFiles::open(testing::source_path("tests/golden/train/tiny")).value();
  models::LoadOptions options;
  options.score_head = models::NewScoreHead{.seed = 5};
  const auto decoder = models::Decoder::load(files, options).value();
  EXPECT_TRUE(models::save_decoder(*decoder, files, folder).ok());
  if (!swapped) return folder;
  const std::string path = join_path(folder, "tokenizer.json");
  Json tokenizer = read_json_file(path).value();
  std::swap(tokenizer["model"]["vocab"]["y"], tokenizer["model"]["vocab"]["s"]);
  EXPECT_TRUE(write_json_file(path, tokenizer).ok());
  return folder;
}

TEST(ModelReward, ReadsTheIdsOfItsOwnVocabularyAndEachPromptOnce) {
  TemporaryDirectory data;
  const std::string folder = make_reward_model(data.file("reward"), false);
  const text::Tokenizer tokenizer = tiny_tokenizer();
  const Asked all = asked(tokenizer);
  ModelReward reward(models::RewardModel::load({folder}).value(), tokenizer);
  EXPECT_TRUE(reward.reads_ids());
  const auto got = reward.score(all.requests).value();
  const auto model = models::RewardModel::load({folder}).value();
  ASSERT_EQ(got.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    const RewardRequest& request = all.requests[i];
    models::TokenTree alone;
    alone.prompt = request.prompt->ids;
    alone.branches.push_back({request.completion, 0});
    EXPECT_NEAR(got[i], model.score({alone}).value()[0], 1e-5) << i;
  }
  EXPECT_NE(got[0], got[1]);
  EXPECT_NE(got[0], got[2]);
}

TEST(ModelReward, AnotherTokenizerReadsTexts) {
  TemporaryDirectory data;
  const std::string folder = make_reward_model(data.file("reward"), true);
  const text::Tokenizer tokenizer = tiny_tokenizer();
  Asked all = asked(tokenizer);
  all.requests[1].ended = true;
  ModelReward reward(models::RewardModel::load({folder}).value(), tokenizer);
  EXPECT_FALSE(reward.reads_ids());
  const auto got = reward.score(all.requests).value();
  const auto model = models::RewardModel::load({folder}).value();
  const text::Tokenizer& own = model.tokenizer().tokenizer();
  EXPECT_NE(own.encode("yes"), tokenizer.encode("yes"));
  for (size_t i = 0; i < 4; ++i) {
    const RewardRequest& request = all.requests[i];
    models::TokenTree alone;
    alone.branches.push_back(
        {own.encode(std::get<std::string>(request.prompt->prompt) + request.text), 0});
    if (request.ended) alone.branches[0].ids.push_back(*own.eos_id());
    EXPECT_NEAR(got[i], model.score({alone}).value()[0], 1e-5) << i;
  }
}

TEST(ModelReward, WhatItCannotReadIsNamed) {
  TemporaryDirectory data;
  const std::string folder = make_reward_model(data.file("reward"), true);
  const text::Tokenizer tokenizer = tiny_tokenizer();
  Asked all = asked(tokenizer);
  all.requests[3].text = "";
  ModelReward reward(models::RewardModel::load({folder}).value(), tokenizer);
  const auto result = reward.score(all.requests);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("rows.jsonl row 2: the answer is empty"),
            std::string::npos)
      << result.error().message();
}

// An adapter over the tiny model, which it names in another way than the run does.
std::string make_reward_adapter(const std::string& folder) {
  const std::string base = testing::source_path("tests/golden/train/tiny");
  const auto files = weights::ModelFiles::open(base).value();
  const auto decoder = models::Decoder::load(files, {}).value();
  weights::LoraConfig lora;
  lora.r = 2;
  lora.target_modules = {"all-linear"};
  lora.base_model_name_or_path = join_path(base, ".");
  EXPECT_TRUE(decoder->adapters().create("reward", lora, 3).ok());
  {
    const at::NoGradGuard no_grad;
    for (const nn::Parameter& parameter : decoder->adapters().parameters("reward")) {
      parameter.tensor.add_(0.05);
    }
  }
  EXPECT_TRUE(models::add_score_head(*decoder, "reward", {.seed = 5}).ok());
  EXPECT_TRUE(decoder->adapters().save("reward", folder).ok());
  return folder;
}

// The base is in memory once, and the policy's own adapters make no difference to a reward.
TEST(ModelReward, AnAdapterOfThePolicysBaseStandsOnItsTrunk) {
  TemporaryDirectory data;
  const std::string adapter = make_reward_adapter(data.file("adapter"));
  const std::string base = testing::source_path("tests/golden/train/tiny");
  const auto trunk = models::Decoder::load(weights::ModelFiles::open(base).value(), {}).value();
  weights::LoraConfig lora;
  lora.r = 2;
  lora.target_modules = {"all-linear"};
  ASSERT_TRUE(trunk->adapters().create("default", lora, 9).ok());
  trunk->adapters().set_trainable("default", true);
  const text::Tokenizer tokenizer = tiny_tokenizer();
  const Asked all = asked(tokenizer);
  const Json config = {{"reward_model_path", {adapter, adapter}}};
  const auto alone = open_rewards(config, tokenizer).value();
  const auto shared = open_rewards(config, tokenizer, {at::kCPU, trunk.get(), base}).value();
  for (const char* name : {"reward", "reward_2"}) {
    ASSERT_NE(trunk->adapters().find(name), nullptr) << name;
    for (const nn::Parameter& parameter : trunk->adapters().parameters(name)) {
      EXPECT_FALSE(parameter.tensor.requires_grad());
    }
  }
  const auto expected = alone->score(all.requests).value();
  const auto got = shared->score(all.requests).value();
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
  EXPECT_NE(got[0], got[1]);
  // Another base, or a model of its own, is loaded beside the trunk.
  const auto other = models::Decoder::load(weights::ModelFiles::open(base).value(), {}).value();
  ASSERT_TRUE(open_rewards(config, tokenizer, {at::kCPU, other.get(), data.path()}).ok());
  EXPECT_EQ(other->adapters().find("reward"), nullptr);
}

// By the prompt's own row, not by its place among those that are asked about.
TEST(ModelReward, ASequenceBeyondItsContextIsNamedByItsRow) {
  TemporaryDirectory data;
  for (const bool swapped : {false, true}) {
    const std::string folder = make_reward_model(data.file(swapped ? "texts" : "ids"), swapped);
    const text::Tokenizer tokenizer = tiny_tokenizer();
    Asked all = asked(tokenizer);
    all.prompts[1].name = {"rows.jsonl", 17};
    RewardRequest& longest = all.requests[2];
    for (int i = 0; i < 60; ++i) longest.text += " yes";
    longest.completion = tokenizer.encode(longest.text);
    ModelReward reward(models::RewardModel::load({folder}).value(), tokenizer);
    ASSERT_EQ(reward.reads_ids(), !swapped);
    const auto result = reward.score(all.requests);
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().message().find("rows.jsonl row 17: prompt and completion have"),
              std::string::npos)
        << result.error().message();
  }
}

TEST(RewardSources, WhatTheConfigurationNames) {
  const text::Tokenizer tokenizer = tiny_tokenizer();
  const Asked all = asked(tokenizer);
  const Json config = {{"reward_command", {kLength, kLength}}, {"reward_weights", {"1", "-2"}}};
  const auto rewards = open_rewards(config, tokenizer).value();
  EXPECT_EQ(rewards->score(all.requests).value(), (std::vector<double>{-4, -9, -4, -9}));
  std::map<std::string, double> metrics;
  add_reward_totals(rewards->totals(), &metrics);
  EXPECT_EQ(metrics.count("rewards/reward_command/mean"), 1u);
  EXPECT_EQ(metrics.count("rewards/reward_command_2/mean"), 1u);
}

TEST(RewardSources, MistakesNameTheOption) {
  const text::Tokenizer tokenizer = tiny_tokenizer();
  const auto says = [&](const Json& config, const std::string& part) {
    const auto opened = open_rewards(config, tokenizer);
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message().find(part), std::string::npos) << opened.error().message();
  };
  says(Json::object(), "reward_model_path: is not set");
  says({{"reward_command", {"cat"}}, {"reward_weights", {1, 2}}}, "2 numbers for 1 rewards");
  says({{"reward_command", {"cat"}}, {"reward_weights", {"much"}}}, "\"much\" is no number");
  says({{"reward_model_path", {testing::source_path("tests/golden/train/tiny")}}}, "score head");
  says({{"reward_model_path", {"nowhere"}}}, "nowhere");
}

}  // namespace
}  // namespace attune::engine::train
