// What a reference says of rows, and when it is asked again.
#include "engine/train/preferences/reference.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/file.h"
#include "engine/generate/small_model.h"
#include "weights/lora_config.h"

namespace attune::engine::train {
namespace {

using models::TokenTree;

const std::vector<TokenTree>& trees() {
  static const std::vector<TokenTree> trees = {
      {{65, 66, 67}, {{{68, 69, 256}, 0}, {{70, 256}, 0}}},
      {{71, 72}, {{{73, 74, 75, 76, 256}, 1}, {{73, 77, 256}, 1}, {{78, 256}, 0}}},
      {{}, {{{80, 81, 82, 256}, 0}, {{83, 256}, 0}}}};
  return trees;
}

std::vector<const TokenTree*> all_trees() {
  return {&trees()[0], &trees()[1], &trees()[2]};
}

std::vector<std::string> names_in(const std::string& folder) {
  return list_directory(folder).value();
}

TEST(ReferenceTest, EqualsEachCompletionAloneHoweverPassesAreCut) {
  const auto decoder = testing::small_decoder();
  ReferenceModel reference(*decoder, {}, "small");
  for (const int64_t max_tokens : {1, 12, 1000}) {
    const auto got = reference.log_probs(
        {.name = "train", .tokens = true, .max_tokens = max_tokens}, all_trees());
    ASSERT_TRUE(got.ok()) << got.error().message();
    for (int64_t row = 0; row < 3; ++row) {
      const TokenTree& tree = trees()[static_cast<size_t>(row)];
      std::vector<float> sums, tokens;
      for (const models::TokenBranch& branch : tree.branches) {
        models::TreeBatch alone;
        alone.add({tree.prompt, {branch}});
        const auto expected = reference.pass(alone, 512);
        sums.push_back(expected.sums.item<float>());
        for (int64_t i = 0; i < expected.tokens.size(0); ++i) {
          tokens.push_back(expected.tokens[i].item<float>());
        }
      }
      EXPECT_TRUE(at::allclose(got->sums({row}), at::tensor(sums), 1e-5, 1e-5)) << row;
      EXPECT_TRUE(at::allclose(got->tokens({row}), at::tensor(tokens), 1e-5, 1e-5)) << row;
    }
    const Tensor both = got->sums({2, 0});
    EXPECT_EQ(both.size(0), 4);
    EXPECT_TRUE(both.narrow(0, 2, 2).equal(got->sums({0})));
    EXPECT_FALSE(both.requires_grad());
  }
}

TEST(ReferenceTest, RowsThatTheRunNeverReadsAreLeftOut) {
  const auto decoder = testing::small_decoder();
  ReferenceModel reference(*decoder, {}, "small");
  const auto whole = reference.log_probs({.name = "train"}, all_trees());
  const auto part = reference.log_probs({.name = "train"}, {nullptr, &trees()[1], nullptr});
  ASSERT_TRUE(whole.ok() && part.ok());
  EXPECT_TRUE(at::allclose(part->sums({1}), whole->sums({1}), 1e-6, 1e-6));
}

// The weights are changed between the calls, so that an answer tells whether it was computed.
class ReferenceCache : public ::testing::Test {
 protected:
  void SetUp() override { decoder_ = testing::small_decoder(); }

  Tensor ask(const std::string& identity, std::vector<const TokenTree*> rows = all_trees()) {
    ReferenceModel reference(*decoder_, {}, identity);
    const auto got = reference.log_probs({.name = "train", .folder = folder_.path()}, rows);
    EXPECT_TRUE(got.ok());
    return got->sums({1});
  }
  void change_weights() {
    c10::NoGradGuard no_grad;
    decoder_->parameters().find("model.norm.weight")->mul_(1.5);
  }

  TemporaryDirectory folder_;
  std::unique_ptr<models::Decoder> decoder_;
};

TEST_F(ReferenceCache, IsReadWhenModelAndRowsAreTheSame) {
  const Tensor first = ask("a");
  change_weights();
  EXPECT_TRUE(ask("a").equal(first));
  ASSERT_EQ(names_in(folder_.path()).size(), 1U);
}

TEST_F(ReferenceCache, IsMadeAgainForAnotherModelOrOtherRows) {
  const Tensor first = ask("a");
  change_weights();
  EXPECT_FALSE(ask("b").equal(first));
  EXPECT_EQ(names_in(folder_.path()).size(), 1U);  // the file of the other key is gone
  const Tensor second = ask("b");
  change_weights();
  EXPECT_FALSE(ask("b", {&trees()[0], &trees()[1]}).equal(second));
}

TEST_F(ReferenceCache, IsMadeAgainWhenItWasCut) {
  const Tensor first = ask("a");
  const std::string path = join_path(folder_.path(), names_in(folder_.path()).at(0));
  for (const uintmax_t size : {uintmax_t{0}, uintmax_t{20}, std::filesystem::file_size(path) - 4}) {
    std::filesystem::resize_file(path, size);
    EXPECT_TRUE(ask("a").equal(first)) << size;
    change_weights();
    EXPECT_TRUE(ask("a").equal(first)) << size;  // it is whole again
    decoder_ = testing::small_decoder();
  }
}

TEST(ReferenceTest, AnAdapterCountsWhenItIsInTheStack) {
  const auto decoder = testing::small_decoder();
  weights::LoraConfig lora;
  lora.r = 2;
  lora.target_modules = {"all-linear"};
  ASSERT_TRUE(decoder->adapters().create("start", lora, 3).ok());
  {
    c10::NoGradGuard no_grad;
    for (const nn::Parameter& parameter : decoder->adapters().parameters("start")) {
      parameter.tensor.add_(0.05);
    }
  }
  ReferenceModel base(*decoder, {}, "base");
  ReferenceModel start(*decoder, {"start"}, "start");
  const auto off = base.log_probs({.name = "train"}, all_trees());
  const auto on = start.log_probs({.name = "train"}, all_trees());
  ASSERT_TRUE(off.ok() && on.ok());
  EXPECT_FALSE(at::allclose(off->sums({0}), on->sums({0}), 1e-4, 1e-4));
}

TEST(ReferenceTest, NumbersThatEndAreAnErrorThatNamesTheRow) {
  const auto decoder = testing::small_decoder();
  {
    c10::NoGradGuard no_grad;
    decoder->parameters().find("model.norm.weight")->mul_(std::numeric_limits<float>::infinity());
  }
  ReferenceModel reference(*decoder, {}, "bad");
  const auto got = reference.log_probs({.name = "train"}, all_trees());
  ASSERT_FALSE(got.ok());
  EXPECT_NE(got.error().message().find("row 1 of the train rows"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
