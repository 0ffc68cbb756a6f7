#include "engine/objectives/ranking.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "engine/objectives/plackett_luce.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradient_error;
using engine::testing::gradients;

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }
double pair_loss(double d) { return std::log1p(std::exp(-d)); }

// losses.md §18.4, in rank order.
const Tensor kScores = at::tensor({2.0, 1.0, 0.5, -1.0}, at::kDouble);
const Ranking kOrder = {{0, 1, 2, 3}, {1, 2, 3, 4}};

TEST(PairwiseLoss, LiteralValues) {
  const auto loss = [](double r_w, double r_l, const Tensor& margin, const Tensor& p,
                       const ScoreRegularisers& regularisers) {
    return pairwise_losses(row({r_w}), row({r_l}), margin, p, regularisers).item<double>();
  };
  EXPECT_NEAR(loss(1.5, 0.5, {}, {}, {}), 0.313262, 5e-7);
  EXPECT_NEAR(loss(1.5, 0.5, row({0.5}), {}, {}), 0.474077, 5e-7);
  EXPECT_NEAR(loss(1.5, 0.5, {}, {}, {.centre = 0.01}), 0.353262, 5e-7);
  EXPECT_NEAR(loss(0.7, 0, {}, row({0.8}), {}), 0.543186, 5e-7);
  EXPECT_NEAR(loss(0.7, 0, {}, row({0.5}), {}), 0.753186, 5e-7);
  EXPECT_NEAR(loss(3, 3, {}, {}, {}), std::numbers::ln2, 1e-12);  // step 0
}

TEST(PairwiseLoss, ASureLabelIsNoLabel) {
  const Tensor chosen = at::randn({4}, at::kDouble), rejected = at::randn({4}, at::kDouble);
  const Tensor margin = row({0.1, 0, 2, 0.5});
  const Tensor sure = row({1, 1, 1, 1}), reversed = row({0, 0, 0, 0});
  EXPECT_TRUE(at::allclose(pairwise_losses(chosen, rejected, margin, sure),
                           pairwise_losses(chosen, rejected, margin)));
  EXPECT_TRUE(at::allclose(pairwise_losses(chosen, rejected, margin, reversed),
                           pairwise_losses(rejected, chosen, margin)));
}

TEST(KwiseLoss, LiteralValues) {
  const double pairs[] = {0.313262, 0.201413, 0.048587, 0.474077, 0.126928, 0.201413};
  const RankedPairs made = ranked_pairs({kOrder}, TieRule::kDrop);
  const Tensor single =
      pairwise_losses(at::index_select(kScores, 0, made.better),
                      at::index_select(kScores, 0, made.worse));
  ASSERT_EQ(single.size(0), 6);
  for (int64_t i = 0; i < 6; ++i) EXPECT_NEAR(single[i].item<double>(), pairs[i], 5e-7);
  const auto kwise = [&](PairAverage average, const ScoreRegularisers& regularisers) {
    return kwise_losses(kScores, {kOrder}, TieRule::kDrop, average, regularisers).item<double>();
  };
  EXPECT_NEAR(kwise(PairAverage::kPerRanking, {}), 0.227613, 5e-7);
  EXPECT_NEAR(kwise(PairAverage::kPerPair, {}), 1.365681, 5e-7);
  EXPECT_NEAR(kwise(PairAverage::kPerRanking, {.magnitude = 0.001}), 0.229176, 5e-7);
  const std::vector<Tensor> gradient = gradients(
      [](const std::vector<Tensor>& x) {
        return at::sum(kwise_losses(x[0], {kOrder}, TieRule::kDrop));
      },
      {kScores});
  EXPECT_TRUE(at::allclose(gradient[0], row({-0.083132, -0.037967, 0.062923, 0.058176}), 0, 5e-7));
}

TEST(KwiseLoss, OfTwoIsThePairwiseLoss) {
  const Tensor scores = at::randn({2}, at::kDouble);
  const Tensor want = pairwise_losses(scores.slice(0, 1, 2), scores.slice(0, 0, 1));
  const std::vector<Ranking> rankings = {{{0, 1}, {2, 1}}};
  EXPECT_TRUE(at::allclose(kwise_losses(scores, rankings, TieRule::kDrop), want));
  EXPECT_TRUE(at::allclose(plackett_luce_losses(scores, rankings), want));
}

// Two rankings in any order of completions and ranks, with a tie and an unranked one.
TEST(KwiseLoss, TiesGapsAndOrderEqualThePlainReference) {
  const Tensor scores = at::randn({8}, at::kDouble);
  const auto s = [&](int64_t i) { return scores[i].item<double>(); };
  const std::vector<Ranking> rankings = {{{5, 2, 7, 0}, {3, 1, 3, kUnranked}},
                                         {{1, 6, 3}, {2, 9, 1}}};
  const double tie = 0.5 * pair_loss(s(5) - s(7)) + 0.5 * pair_loss(s(7) - s(5));
  const double first = pair_loss(s(2) - s(5)) + pair_loss(s(2) - s(7));
  const double second = pair_loss(s(3) - s(1)) + pair_loss(s(3) - s(6)) + pair_loss(s(1) - s(6));
  const auto expect = [&](TieRule ties, PairAverage average, double a, double b) {
    EXPECT_TRUE(at::allclose(kwise_losses(scores, rankings, ties, average), row({a, b}), 1e-12));
  };
  expect(TieRule::kDrop, PairAverage::kPerRanking, first / 2, second / 3);
  expect(TieRule::kDrop, PairAverage::kPerPair, first, second);
  expect(TieRule::kHalf, PairAverage::kPerRanking, (first + tie) / 3, second / 3);
  EXPECT_EQ(pair_count(rankings[0], TieRule::kDrop), 2);
  EXPECT_EQ(pair_count(rankings[0], TieRule::kHalf), 3);
  EXPECT_EQ(pair_count({{0, 1, 2}, {1, kUnranked, kUnranked}}, TieRule::kHalf), 0);
}

TEST(KwiseLossDeathTest, ARankingThatOrdersNothingNeverBecomesAZero) {
  EXPECT_DEATH(kwise_losses(kScores, {kOrder, {{0, 1}, {1, 1}}}, TieRule::kDrop), "without a pair");
  EXPECT_DEATH(plackett_luce_losses(kScores, {{{0, 1}, {2, 2}}}), "without an ordered pair");
}

TEST(PlackettLuceLoss, LiteralValues) {
  EXPECT_NEAR(plackett_luce_losses(kScores, {kOrder}).item<double>(), 1.251552, 5e-7);
  EXPECT_NEAR(best_of_losses(kScores, {{{0, 1, 2, 3}, {1, kUnranked, kUnranked, kUnranked}}})
                  .item<double>(),
              0.495182, 5e-7);
}

TEST(PlackettLuceLoss, IsLogOfTheOrdersAtStepZero) {
  const Tensor zero = at::zeros({5}, at::kDouble);
  const std::vector<Ranking> rankings = {{{3, 1, 4, 0, 2}, {5, 2, 1, 4, 3}}};
  EXPECT_NEAR(plackett_luce_losses(zero, rankings).item<double>(), std::log(120.0), 1e-12);
  EXPECT_NEAR(best_of_losses(zero, rankings).item<double>(), std::log(5.0), 1e-12);
  EXPECT_NEAR(kwise_losses(zero, rankings, TieRule::kDrop).item<double>(), std::numbers::ln2,
              1e-12);
}

// Ranks 1, 2, 2, 3 and an unranked one: both of rank 2 beat the last and not each other.
TEST(PlackettLuceLoss, TiedOnesSayNothingAboutEachOther) {
  const Tensor scores = at::randn({6}, at::kDouble);
  const auto e = [&](int64_t i) { return std::exp(scores[i].item<double>()); };
  const Ranking ranking = {{4, 0, 5, 2, 1}, {2, 3, kUnranked, 1, 2}};
  const double want = -std::log(e(2) / (e(2) + e(4) + e(1) + e(0))) -
                      std::log(e(4) / (e(4) + e(0))) - std::log(e(1) / (e(1) + e(0)));
  EXPECT_NEAR(plackett_luce_losses(scores, {ranking}).item<double>(), want, 1e-12);
  // Beside a longer ranking, whose rows are wider: padding changes nothing.
  const Ranking longer = {{0, 1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6}};
  const Tensor both = plackett_luce_losses(scores, {longer, ranking});
  EXPECT_NEAR(both[1].item<double>(), want, 1e-12);
}

TEST(RankingLosses, GradientsEqualDifferences) {
  const std::vector<Ranking> rankings = {{{5, 2, 7, 0}, {3, 1, 3, kUnranked}},
                                         {{1, 6, 3, 4}, {2, 9, 1, 3}}};
  const Tensor scores = at::randn({8}, at::kDouble);
  const auto kwise = [&](const std::vector<Tensor>& x) {
    return at::sum(kwise_losses(x[0], rankings, TieRule::kHalf, PairAverage::kPerRanking,
                                {.centre = 0.02, .magnitude = 0.3}));
  };
  const auto luce = [&](const std::vector<Tensor>& x) {
    return at::sum(plackett_luce_losses(x[0], rankings));
  };
  const auto best = [&](const std::vector<Tensor>& x) {
    return at::sum(best_of_losses(x[0], rankings));
  };
  EXPECT_LT(gradient_error(kwise, {scores}), 1e-7);
  EXPECT_LT(gradient_error(luce, {scores}), 1e-7);
  EXPECT_LT(gradient_error(best, {scores}), 1e-7);
}

TEST(RankingDpo, IsPlackettLuceOfImplicitRewards) {
  const Tensor policy = at::randn({4}, at::kDouble), reference = at::randn({4}, at::kDouble);
  EXPECT_TRUE(at::allclose(ranking_dpo_losses(policy, reference, 0.3, {kOrder}),
                           plackett_luce_losses(0.3 * (policy - reference), {kOrder})));
  EXPECT_NEAR(ranking_dpo_losses(policy, policy, 0.3, {kOrder}).item<double>(), std::log(24.0),
              1e-12);
  // Two answers are DPO: -log s(beta D).
  const Tensor two = ranking_dpo_losses(policy, reference, 0.3, {{{2, 0}, {1, 2}}});
  const double d = (policy[2] - reference[2] - policy[0] + reference[0]).item<double>();
  EXPECT_NEAR(two.item<double>(), pair_loss(0.3 * d), 1e-12);
}

}  // namespace
}  // namespace attune::engine::objectives
