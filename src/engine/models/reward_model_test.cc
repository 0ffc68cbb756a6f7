// Reward models as they are stored: folders and adapters open again with equal, normalised rewards.
#include "engine/models/reward_model.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/models/golden_model.h"
#include "engine/models/save.h"
#include "tests/support/test_paths.h"

namespace attune::engine::models {
namespace {

std::string tiny() { return testing::source_path("tests/golden/train/tiny"); }

std::vector<TokenTree> trees() {
  return {{{3, 1, 4}, {{{1, 5, 9, 2}, 0}, {{6, 2}, 0}}}, {{}, {{{7, 8, 2}, 0}}}};
}

// tests/golden/train/tiny as a reward model; the tokenizer comes with the folder.
std::vector<double> save_reward_model(const std::string& folder) {
  const auto files = weights::ModelFiles::open(tiny());
  const auto decoder = Decoder::load(*files, {.score_head = NewScoreHead{.seed = 7}}).value();
  EXPECT_TRUE(save_decoder(*decoder, *files, folder).ok());
  return score_trees(*decoder, trees(), {});
}

void set_config(const std::string& folder, const char* key, const Json& value) {
  const std::string path = join_path(folder, "config.json");
  Json config = read_json_file(path).value();
  config[key] = value;
  ASSERT_TRUE(write_json_file(path, config).ok());
}

TEST(RewardModel, AFolderOpensWithEqualRewards) {
  TemporaryDirectory directory;
  const std::string folder = directory.file("reward");
  const std::vector<double> expected = save_reward_model(folder);
  const Json config = read_json_file(join_path(folder, "config.json")).value();
  EXPECT_EQ(config["architectures"], Json::array({"LlamaForSequenceClassification"}));
  EXPECT_EQ(config["id2label"], (Json{{"0", "LABEL_0"}}));
  const auto model = RewardModel::load({folder});
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(model->score(trees()).value(), expected);
  EXPECT_EQ(model->score(trees(), 1).value().size(), 3U);  // a pass for each tree
}

TEST(RewardModel, TheStoredNormalisationIsApplied) {
  TemporaryDirectory directory;
  const std::string folder = directory.file("reward");
  const std::vector<double> raw = save_reward_model(folder);
  set_config(folder, kNormaliserKey, to_json(RewardNormaliser{0.5, 4.0, "demonstrations", 12}));
  const auto model = RewardModel::load({folder});
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(model->normaliser().reference, "demonstrations");
  const std::vector<double> rewards = model->score(trees()).value();
  for (size_t i = 0; i < raw.size(); ++i) EXPECT_NEAR(rewards[i], (raw[i] - 0.5) / 4.0, 1e-12);
  set_config(folder, kNormaliserKey, {{"mean", 0}, {"scale", 0}});
  const auto refused = RewardModel::load({folder});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("scale"), std::string::npos);
}

TEST(RewardModel, AnAdapterFolderStandsForItsBaseWithItself) {
  const auto files = weights::ModelFiles::open(tiny());
  const auto decoder = Decoder::load(*files, {}).value();
  weights::LoraConfig lora;
  lora.target_modules = {"all-linear"};
  lora.base_model_name_or_path = tiny();
  ASSERT_TRUE(decoder->adapters().create("a", lora, 1).ok());
  ASSERT_TRUE(add_score_head(*decoder, "a", {.seed = 7}).ok());
  TemporaryDirectory directory;
  const std::string folder = directory.file("adapter");
  ASSERT_TRUE(decoder->adapters().save("a", folder).ok());
  ASSERT_TRUE(write_json_file(join_path(folder, kNormaliserFile),
                              to_json(RewardNormaliser{1.0, 2.0, "", 0})).ok());
  const std::vector<double> raw = score_trees(*decoder, trees(), {"a"});
  const auto model = RewardModel::load({folder});
  ASSERT_TRUE(model.ok()) << model.error().message();
  const std::vector<double> rewards = model->score(trees()).value();
  for (size_t i = 0; i < raw.size(); ++i) EXPECT_NEAR(rewards[i], (raw[i] - 1.0) / 2.0, 1e-6);
}

TEST(RewardModel, RefusesWhatItCannotJudge) {
  const auto language_model = RewardModel::load({tiny()});
  ASSERT_FALSE(language_model.ok());
  EXPECT_NE(language_model.error().message().find("score head"), std::string::npos);
  TemporaryDirectory directory;
  save_reward_model(directory.file("reward"));
  const RewardModel model = RewardModel::load({directory.file("reward")}).value();
  const auto message = [&](TokenTree tree) {
    const auto rewards = model.score({std::move(tree)});
    return rewards.ok() ? std::string() : rewards.error().message();
  };
  EXPECT_NE(message({{1}, {{{96}, 0}}}).find("token id 96"), std::string::npos);
  EXPECT_NE(message({{}, {{{}, 0}}}).find("empty"), std::string::npos);
  EXPECT_NE(message({std::vector<int32_t>(128, 3), {{{4}, 0}}}).find("context"), std::string::npos);
}

constexpr int64_t kRows = 96;  // of the tiny model

TEST(RewardModel, AnotherTokenizerIsAnErrorThatNamesAToken) {
  const auto own = weights::load_tokenizer(tiny()).value();
  EXPECT_TRUE(check_same_vocabulary(own, own, kRows).ok());
  Json other = own.to_json();
  std::swap(other["model"]["vocab"]["a"], other["model"]["vocab"]["b"]);
  const auto swapped = text::Tokenizer::from_json(other);
  ASSERT_TRUE(swapped.ok()) << swapped.error().message();
  const Status refused = check_same_vocabulary(own, *swapped, kRows);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("another tokenizer"), std::string::npos);
  EXPECT_NE(refused.error().message().find("\"a\""), std::string::npos);
}

// A token without a row is in no text that either could read.
TEST(RewardModel, ATokenBeyondTheRowsMakesNoOtherTokenizer) {
  const auto own = weights::load_tokenizer(tiny()).value();
  Json padded = own.to_json();
  padded["added_tokens"].push_back({{"id", kRows},
                                    {"content", "<more>"},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", false},
                                    {"special", true}});
  const auto wider = text::Tokenizer::from_json(padded);
  ASSERT_TRUE(wider.ok()) << wider.error().message();
  ASSERT_EQ(wider->id_to_token(kRows), "<more>");
  EXPECT_TRUE(check_same_vocabulary(own, *wider, kRows).ok());
  EXPECT_TRUE(check_same_vocabulary(*wider, own, kRows).ok());
  EXPECT_FALSE(check_same_vocabulary(own, *wider, kRows + 1).ok());
}

}  // namespace
}  // namespace attune::engine::models
