// A tree of K completions gives what K separate sequences give: log-probs and gradients.
#include "engine/models/token_tree.h"

#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/models/golden_model.h"
#include "engine/tensor/test_device.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

std::unique_ptr<Decoder> small_model() {
  const GoldenModel golden = read_golden_model("smollm2");
  const auto files = weights::ModelFiles::open(golden.folder);
  auto decoder = Decoder::load(*files, {.trainable = true, .device = test_device()});
  EXPECT_TRUE(decoder.ok());
  return std::move(*decoder);
}

// Four completions of ragged lengths; the last was cut differently at the end of the prompt.
std::vector<data::TokenizedCompletion> completions() {
  return {{{3, 1, 4, 1, 5, 9, 2}, 4, 7},
          {{3, 1, 4, 1, 6}, 4, 5},
          {{3, 1, 4, 1, 5, 3, 5, 8, 9, 7}, 4, 9},
          {{3, 1, 4, 2, 7, 1}, 4, 6}};
}

TEST(TokenTree, SharesTheCommonIdsOfThePrompt) {
  const TokenTree tree = make_token_tree(completions(), /*whole=*/false);
  EXPECT_EQ(tree.prompt, (std::vector<int32_t>{3, 1, 4}));
  ASSERT_EQ(tree.branches.size(), 4U);
  EXPECT_EQ(tree.branches[0].first, 1);
  EXPECT_EQ(tree.branches[2].ids,
            (std::vector<int32_t>{1, 5, 3, 5, 8, 9}));
  EXPECT_EQ(make_token_tree(completions(), /*whole=*/true).branches[2].ids.size(), 7U);
  EXPECT_EQ(tree.tokens(), 3 + 4 + 2 + 6 + 3);
  EXPECT_EQ(tree.unshared_tokens(), 7 + 5 + 9 + 6);
  EXPECT_EQ(tree.completion_tokens(), 3 + 1 + 5 + 2);
}

Tensor weighted(const Tensor& sums) {
  const Tensor weights = at::tensor(std::vector<float>{1.0F, -2.0F, 0.5F, 3.0F});
  return sums.mul(weights).sum();
}

void expect_equal_gradients(Decoder& a, Decoder& b) {
  for (const nn::Parameter& parameter : a.parameters().all()) {
    const Tensor& other = b.parameters().find(parameter.name)->grad();
    ASSERT_TRUE(other.defined()) << parameter.name;
    EXPECT_LT(relative_difference(parameter.tensor.grad(), other), 1e-5) << parameter.name;
  }
}

// `prompts`: the log-probs of the prompt's tokens are asked for as well.
void expect_tree_equals_sequences(bool prompts) {
  const TokenTree tree = make_token_tree(completions(), false);
  const auto shared = small_model();
  const auto apart = small_model();
  TreeBatch pass({.prompt_targets = prompts});
  pass.add(tree);
  const BranchLogProbs together = branch_log_probs(*shared, pass);
  weighted(together.sums).backward();

  TreeBatch separate({.share_prompts = false, .prompt_targets = prompts});
  separate.add(tree);
  const BranchLogProbs alone = branch_log_probs(*apart, separate);
  weighted(alone.sums).backward();
  EXPECT_EQ(pass.counts, separate.counts);
  EXPECT_EQ(pass.targets, separate.targets);
  EXPECT_LT(pass.batch.layout.tokens(), separate.batch.layout.tokens());
  EXPECT_LT(relative_difference(together.sums, alone.sums), 1e-5);
  expect_equal_gradients(*shared, *apart);
}

TEST(TokenTree, EqualsSeparateSequencesInValueAndGradient) {
  expect_tree_equals_sequences(false);
}

TEST(TokenTree, EqualsSeparateSequencesWithThePromptsOwnTokens) {
  expect_tree_equals_sequences(true);
}

// The definition: log-softmax of the logits of each completion's own sequence.
TEST(TokenTree, LogProbsAreThoseOfPlainSequences) {
  const auto decoder = small_model();
  TreeBatch pass;
  pass.add(make_token_tree(completions(), false));
  const Tensor sums = branch_log_probs(*decoder, pass).sums;
  const auto all = completions();
  for (size_t i = 0; i < all.size(); ++i) {
    PackedBatch batch;
    batch.add_root(all[i].ids);
    const Tensor table = at::log_softmax(decoder->logits(decoder->forward(batch)), 1);
    double expected = 0;
    for (int64_t t = all[i].boundary; t < all[i].end; ++t) {
      expected += table[t - 1][all[i].ids[static_cast<size_t>(t)]].item<double>();
    }
    EXPECT_NEAR(sums[static_cast<int64_t>(i)].item<double>(), expected, 1e-4) << i;
  }
}

// Several trees in a pass, some without a prompt or with a completion of one token.
TEST(TokenTree, PacksTreesOfEveryShape) {
  const auto decoder = small_model();
  const std::vector<TokenTree> trees = {{{}, {{{7, 8, 9}, 0}, {{7, 2}, 1}}},
                                        {{1, 2}, {{{5}, 0}}},
                                        {{4, 4, 4}, {{{6, 6}, 0}, {{1}, 0}, {{2, 2, 2}, 1}}}};
  TreeBatch pass;
  for (const TokenTree& tree : trees) pass.add(tree);
  const Tensor together = branch_log_probs(*decoder, pass).sums;
  EXPECT_EQ(pass.counts, (std::vector<int64_t>{2, 1, 1, 2, 1, 2}));
  int64_t at = 0;
  for (const TokenTree& tree : trees) {
    TreeBatch alone({.share_prompts = false});
    alone.add(tree);
    const Tensor sums = branch_log_probs(*decoder, alone).sums;
    for (int64_t i = 0; i < sums.size(0); ++i, ++at) {
      EXPECT_NEAR(together[at].item<double>(), sums[i].item<double>(), 1e-4) << at;
    }
  }
}

TEST(TokenTree, TheLastTokenOfABranchIsFoundForItsScore) {
  TreeBatch pass({.log_probs = false, .scores = true});
  pass.add({{1, 2}, {{{5, 6, 7}, 0}, {{8}, 0}}});
  EXPECT_EQ(pass.last_rows, (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(pass.batch.tokens, (std::vector<int32_t>{1, 2, 5, 6, 7, 8}));
  EXPECT_TRUE(pass.rows.empty());
  TreeBatch apart({.share_prompts = false, .log_probs = false, .scores = true});
  apart.add({{1, 2}, {{{5, 6, 7}, 0}, {{8}, 0}}});
  EXPECT_EQ(apart.last_rows, (std::vector<int64_t>{4, 7}));
}

}  // namespace
}  // namespace attune::engine::models
