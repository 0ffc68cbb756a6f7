// Score heads: first values, the token that is scored, adapters that bring their own.
#include "engine/models/score_head.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "engine/models/golden_model.h"
#include "engine/models/save.h"
#include "engine/tensor/test_device.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

std::unique_ptr<Decoder> load_scored(const std::string& name, const NewScoreHead& head,
                                     bool trainable = false) {
  const auto files = weights::ModelFiles::open(read_golden_model(name).folder);
  auto decoder = Decoder::load(
      *files, {.trainable = trainable, .device = test_device(), .score_head = head});
  EXPECT_TRUE(decoder.ok()) << decoder.error().message();
  return std::move(decoder).value();
}

// Four completions of ragged lengths.
TokenTree ragged() {
  return {{3, 1, 4}, {{{1, 5, 9, 2}, 0}, {{6}, 0}, {{1, 5, 3, 5, 8, 9, 2}, 0}, {{2, 7}, 1}}};
}

TEST(ScoreHead, FirstValuesAreSeededAndOfTheStatedSpread) {
  const Tensor weight = new_score_weight(4095, {.seed = 3});
  EXPECT_EQ(weight.sizes(), (at::IntArrayRef{1, 4095}));
  EXPECT_TRUE(at::equal(weight, new_score_weight(4095, {.seed = 3})));
  EXPECT_FALSE(at::equal(weight, new_score_weight(4095, {.seed = 4})));
  const double spread = weight.pow(2).mean().sqrt().item<double>();
  EXPECT_NEAR(spread, 1.0 / 64.0, 0.05 / 64.0);  // sqrt(4095 + 1)
  EXPECT_TRUE(at::equal(new_score_weight(8, {.seed = 3, .zero = true}), at::zeros({1, 8})));
}

TEST(ScoreHead, ReplacesTheLanguageModelsHeadInEveryFamily) {
  for (const std::string& name : golden_model_names()) {
    const auto decoder = load_scored(name, {.seed = 1}, /*trainable=*/true);
    EXPECT_EQ(decoder->config().head, HeadKind::kScore) << name;
    EXPECT_TRUE(decoder->config().architecture.ends_with("ForSequenceClassification")) << name;
    EXPECT_EQ(decoder->parameters().find("lm_head.weight"), nullptr) << name;
    ASSERT_NE(decoder->parameters().find(kScoreWeight), nullptr) << name;
    EXPECT_TRUE(decoder->parameters().find(kScoreWeight)->requires_grad()) << name;
  }
}

// By hand: the hidden state of each sequence's own last token times the head, whatever that token
// is; here two of them end in the id that is pad and EOS in many models.
TEST(ScoreHead, ReadsTheTrueLastTokenByLength) {
  const auto decoder = load_scored("smollm2", {.seed = 5});
  const TokenTree tree = ragged();
  TreeBatch pass({.log_probs = false, .scores = true});
  pass.add(tree);
  const Tensor together = branch_scores(*decoder, pass, decoder->forward(pass.batch));
  ASSERT_EQ(together.sizes(), (at::IntArrayRef{4}));
  for (size_t i = 0; i < tree.branches.size(); ++i) {
    std::vector<int32_t> ids = tree.prompt;
    ids.insert(ids.end(), tree.branches[i].ids.begin(), tree.branches[i].ids.end());
    PackedBatch alone;
    alone.add_root(ids);
    const Tensor last = decoder->forward(alone).select(0, static_cast<int64_t>(ids.size()) - 1);
    const double expected = last.dot(decoder->head_weight().select(0, 0)).item<double>();
    EXPECT_NEAR(together[static_cast<int64_t>(i)].item<double>(), expected, 1e-5) << i;
  }
}

TEST(ScoreHead, ATreeEqualsSeparateSequencesInValueAndGradient) {
  const auto shared = load_scored("smollm2", {.seed = 5}, true);
  const auto apart = load_scored("smollm2", {.seed = 5}, true);
  const Tensor weights = at::tensor(std::vector<float>{1.0F, -2.0F, 0.5F, 3.0F});
  const auto run = [&](Decoder& decoder, bool share) {
    TreeBatch pass({.share_prompts = share, .log_probs = false, .scores = true});
    pass.add(ragged());
    const Tensor scores = branch_scores(decoder, pass, decoder.forward(pass.batch));
    scores.mul(weights).sum().backward();
    return scores.detach();
  };
  EXPECT_LT(relative_difference(run(*shared, true), run(*apart, false)), 1e-5);
  for (const nn::Parameter& parameter : shared->parameters().all()) {
    const Tensor& other = apart->parameters().find(parameter.name)->grad();
    EXPECT_LT(relative_difference(parameter.tensor.grad(), other), 1e-5) << parameter.name;
  }
}

TEST(ScoreHead, AnAdapterBringsItsOwnOverAnyTrunk) {
  const GoldenModel golden = read_golden_model("smollm2");
  const auto files = weights::ModelFiles::open(golden.folder);
  auto decoder = Decoder::load(*files, {.device = test_device()}).value();
  EXPECT_FALSE(score_weight(*decoder).defined());
  weights::LoraConfig lora;
  lora.target_modules = {"all-linear"};
  for (const char* name : {"reward", "policy"}) {
    ASSERT_TRUE(decoder->adapters().create(name, lora, 1).ok());
  }
  ASSERT_TRUE(add_score_head(*decoder, "reward", {.seed = 9}).ok());
  EXPECT_TRUE(at::equal(score_weight(*decoder, {"reward"}),
                        on_test_device(new_score_weight(decoder->config().width, {.seed = 9}))));
  EXPECT_FALSE(score_weight(*decoder, {"policy"}).defined());
  const auto trained = decoder->adapters().parameters("reward");
  EXPECT_EQ(trained.back().name, "base_model.model.score.weight");
  EXPECT_TRUE(trained.back().tensor.requires_grad());
  TreeBatch pass({.log_probs = false, .scores = true});
  pass.add(ragged());
  const Tensor hidden =
      decoder->forward(pass.batch, {.adapters = {.stack = {"reward"}, .rows = {}}});
  branch_scores(*decoder, pass, hidden, {"reward"}).sum().backward();
  EXPECT_GT(score_weight(*decoder, {"reward"}).grad().abs().max().item<double>(), 0);

  // Saved and loaded as PEFT does.
  TemporaryDirectory directory;
  ASSERT_TRUE(decoder->adapters().save("reward", directory.file("adapter")).ok());
  const Json config =
      read_json_file(join_path(directory.file("adapter"), "adapter_config.json")).value();
  EXPECT_EQ(config["task_type"], "SEQ_CLS");
  EXPECT_EQ(config["modules_to_save"], Json::array({"score"}));
  auto again = Decoder::load(*files, {.device = test_device()}).value();
  ASSERT_TRUE(again->adapters().load("other", directory.file("adapter")).ok());
  EXPECT_TRUE(
      at::equal(score_weight(*again, {"other"}), score_weight(*decoder, {"reward"})));
}

TEST(ScoreHead, AClassifierOfSeveralLabelsIsRefused) {
  const auto files = weights::ModelFiles::open(read_golden_model("llama3").folder);
  DecoderConfig config = decoder_config(files->config()).value();
  config.head = HeadKind::kScore;
  config.labels = 3;
  const auto refused = with_score_head(config);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("3 labels"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::models
