#include "engine/objectives/rollout_rewards.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }
Tensor flags(const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong).to(at::kBool);
}

TEST(SpansTest, SumsMeansAndSpreads) {
  const Spans spans({2, 0, 3});
  EXPECT_EQ(spans.count(), 3);
  EXPECT_EQ(spans.total(), 5);
  EXPECT_EQ(spans.begin(2), 2);
  const Tensor values = row({1, 2, 3, 4, 5});
  EXPECT_TRUE(spans.sums(values).equal(row({3, 0, 12})));
  EXPECT_TRUE(spans.head_sums(values, {1, 4, 2}).equal(row({1, 0, 7})));
  EXPECT_TRUE(spans.head_sums(values, {9, 9, 9}).equal(spans.sums(values)));
  EXPECT_TRUE(spans.means(values).equal(row({1.5, 0, 4})));
  EXPECT_TRUE(spans.spread(row({7, 8, 9})).equal(row({7, 7, 9, 9, 9})));
  const auto loss = [&](const std::vector<Tensor>& x) {
    return at::sum(spans.means(x[0]).square() * spans.sums(x[0]) +
                   spans.spread(x[1]).square().sum());
  };
  EXPECT_LT(testing::gradient_error(loss, {values, row({1, 2, 3})}), 1e-7);
}

// losses.md §18.7.
TEST(KlTerms, LiteralValues) {
  const Tensor policy = row({-1, -2, -0.5}), reference = row({-1.2, -1.5, -0.6});
  const Tensor k1 = kl_terms(policy, reference, KlEstimator::kK1);
  const Tensor k3 = kl_terms(policy, reference, KlEstimator::kK3);
  EXPECT_TRUE(at::allclose(k1, row({0.2, -0.5, 0.1}), 0, 1e-12));
  EXPECT_NEAR(k1.sum().item<double>(), -0.2, 1e-12);
  EXPECT_TRUE(at::allclose(kl_terms(policy, reference, KlEstimator::kK2),
                           row({0.02, 0.125, 0.005}), 0, 1e-12));
  EXPECT_TRUE(at::allclose(k3, row({0.018731, 0.148721, 0.004837}), 0, 5e-7));
  EXPECT_NEAR(k3.mean().item<double>(), 0.057430, 5e-7);
}

TEST(KlTerms, AreZeroAtStepZeroAndClampTheRatio) {
  const Tensor policy = at::randn({6}, at::kDouble);
  for (const KlEstimator estimator : {KlEstimator::kK1, KlEstimator::kK2, KlEstimator::kK3}) {
    EXPECT_TRUE(kl_terms(policy, policy, estimator).equal(at::full_like(policy, 0)));
    EXPECT_TRUE(at::allclose(kl_terms(policy + 40, policy, estimator, 10),
                             kl_terms(policy + 10, policy, estimator)));
    const auto loss = [&](const std::vector<Tensor>& x) {
      return at::sum(kl_terms(x[0], policy * 2, estimator));
    };
    EXPECT_LT(testing::gradient_error(loss, {policy}), 1e-7);
  }
}

TEST(RuledScores, ReplaceOrSubtractWhereNothingEnded) {
  const Tensor scores = row({2, -3, 15}), ended = flags({1, 0, 0});
  EXPECT_TRUE(ruled_scores(scores, ended, {}).equal(scores));
  EXPECT_TRUE(ruled_scores(scores, ended, {EosRule::kReplace, -1}).equal(row({2, -1, -1})));
  EXPECT_TRUE(ruled_scores(scores, ended, {EosRule::kSubtract, 1}).equal(row({2, -4, 14})));
  // The model's score is cut before the rule.
  EXPECT_TRUE(ruled_scores(scores, ended, {EosRule::kSubtract, 1}, 10).equal(row({2, -4, 9})));
}

// losses.md §18.7, the N details.
TEST(TokenRewards, LiteralValues) {
  const Spans spans({3});
  const RewardPositions at_eos = reward_positions(spans, {true}, ScorePosition::kEos);
  const Tensor got = token_rewards(row({-0.3315, -0.0426, 0.6351}), row({0.4}), 0.15, at_eos);
  EXPECT_TRUE(at::allclose(got, row({0.049725, 0.006390, 0.304735}), 0, 5e-7)) << got;
}

// losses.md §18.6: torchtune's vectors.
TEST(TokenRewards, TorchtuneVectors) {
  const Spans spans({3, 3, 3});
  const Tensor policy = row({.1, .2, .3, .4, .5, .6, .6, .7, .8});
  const Tensor reference = row({.2, .3, .4, .6, .7, .8, .9, 1.0, 1.1});
  const RewardPositions at_eos =
      reward_positions(spans, {false, false, false}, ScorePosition::kEos);
  const Tensor got = token_rewards(kl_terms(policy, reference, KlEstimator::kK1), row({1, 2, 3}),
                                   0.5, at_eos);
  EXPECT_TRUE(
      at::allclose(got, row({0.05, 0.05, 1.05, 0.1, 0.1, 2.1, 0.15, 0.15, 3.15}), 0, 1e-12));
}

// A completion that ended early has one more position; one cut at its limit has not.
TEST(TokenRewards, ScoreAfterEos) {
  const Spans spans({2, 3, 1});
  const RewardPositions after =
      reward_positions(spans, {true, false, true}, ScorePosition::kEosPlusOne);
  EXPECT_EQ(after.positions.lengths(), (std::vector<int64_t>{3, 3, 2}));
  EXPECT_TRUE(after.tokens.equal(at::tensor({0, 1, 3, 4, 5, 6}, at::kLong)));
  const Tensor got = token_rewards(row({1, 2, 3, 4, 5, 6}), row({10, 20, 30}), 0.1, after);
  EXPECT_TRUE(at::allclose(got, row({-.1, -.2, 10, -.3, -.4, 19.5, -.6, 30}), 0, 1e-12)) << got;
}

TEST(KlControllerTest, LiteralValues) {
  for (const auto& [kl, want] : {std::pair(8.0, 0.151536), std::pair(6.6, 0.150768),
                                 std::pair(6.0, 0.15), std::pair(2.0, 0.148464)}) {
    KlController controller{.beta = 0.15, .target = 6, .horizon = 10000};
    controller.update(kl, 512);
    EXPECT_NEAR(controller.beta, want, 5e-7);
  }
  KlController fixed;
  fixed.update(100, 512);
  EXPECT_EQ(fixed.beta, 0.05);
}

}  // namespace
}  // namespace attune::engine::objectives
