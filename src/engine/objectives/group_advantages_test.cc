#include "engine/objectives/group_advantages.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

namespace attune::engine::objectives {
namespace {

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

// losses.md §18.8.
TEST(GroupAdvantages, LiteralValues) {
  const Tensor four = row({1, 0, 0, 1}), three = row({1, 2, 4});
  const Tensor signs = row({1, -1, -1, 1});
  EXPECT_TRUE(at::allclose(grpo_advantages(four, Spans({4})), 0.865875 * signs, 0, 5e-7));
  EXPECT_TRUE(at::allclose(grpo_advantages(four, Spans({4}), {.unbiased = false}),
                           0.999800 * signs, 0, 5e-7));
  EXPECT_TRUE(at::allclose(rloo_advantages(three, Spans({3})), row({-2, -0.5, 2.5}), 0, 1e-12));
  EXPECT_TRUE(at::allclose(grpo_advantages(three, Spans({3})),
                           row({-0.872814, -0.218204, 1.091018}), 0, 5e-7));
}

TEST(GroupAdvantages, EqualRewardsTeachNothing) {
  const Tensor same = row({3, 3, 3, 7, 7});
  const Spans groups({3, 2});
  const Tensor zero = at::zeros({5}, at::kDouble);
  for (const RewardScale scale : {RewardScale::kGroup, RewardScale::kBatch, RewardScale::kNone}) {
    EXPECT_TRUE(grpo_advantages(same, groups, {.scale = scale}).equal(zero));
  }
  EXPECT_TRUE(rloo_advantages(same, groups).equal(zero));
  EXPECT_TRUE(reinforce_baseline_advantages(same, groups).equal(zero));
  EXPECT_TRUE(group_deviations(same, groups).equal(row({0, 0})));
}

TEST(GroupAdvantages, AGroupOfOneTeachesNothing) {
  const Tensor rewards = row({5, 1, 2});
  const Spans groups({1, 2});
  EXPECT_EQ(grpo_advantages(rewards, groups)[0].item<double>(), 0);
  EXPECT_EQ(rloo_advantages(rewards, groups)[0].item<double>(), 0);
}

// Ragged groups against the definitions, in two plain passes.
TEST(GroupAdvantages, EqualTheDefinitions) {
  const std::vector<int64_t> sizes = {4, 2, 3};
  const Spans groups(sizes);
  const Tensor rewards = at::randn({9}, at::kDouble);
  const auto r = [&](int64_t i) { return rewards[i].item<double>(); };
  const Tensor loo = rloo_advantages(rewards, groups);
  const Tensor by_group = grpo_advantages(rewards, groups);
  const Tensor by_batch = grpo_advantages(rewards, groups, {.scale = RewardScale::kBatch});
  const Tensor bare = grpo_advantages(rewards, groups, {.scale = RewardScale::kNone});
  const double batch = rewards.std(true).item<double>();
  for (int64_t g = 0; g < 3; ++g) {
    const int64_t begin = groups.begin(g), end = begin + groups.length(g);
    double sum = 0, squares = 0;
    for (int64_t i = begin; i < end; ++i) sum += r(i);
    const double n = static_cast<double>(end - begin), mean = sum / n;
    for (int64_t i = begin; i < end; ++i) squares += (r(i) - mean) * (r(i) - mean);
    const double deviation = std::sqrt(squares / (n - 1));
    EXPECT_NEAR(group_deviations(rewards, groups)[g].item<double>(), deviation, 1e-12);
    for (int64_t i = begin; i < end; ++i) {
      EXPECT_NEAR(loo[i].item<double>(), r(i) - (sum - r(i)) / (n - 1), 1e-12);
      EXPECT_NEAR(by_group[i].item<double>(), (r(i) - mean) / (deviation + 1e-4), 1e-12);
      EXPECT_NEAR(by_batch[i].item<double>(), (r(i) - mean) / (batch + 1e-4), 1e-12);
      EXPECT_NEAR(bare[i].item<double>(), r(i) - mean, 1e-12);
    }
  }
  const Tensor normal = rloo_advantages(rewards, groups, true);
  EXPECT_TRUE(at::allclose(normal, (loo - loo.mean()) / (loo.std(true) + 1e-4), 1e-12, 1e-12));
  const Tensor baseline = reinforce_baseline_advantages(rewards, groups);
  EXPECT_TRUE(at::allclose(baseline, (bare - bare.mean()) / bare.std(true), 1e-6, 1e-7));
}

TEST(GroupAdvantages, KeepTheTypeOfTheRewards) {
  const Tensor rewards = at::tensor({1.0f, 0.0f, 0.0f, 1.0f});
  EXPECT_EQ(grpo_advantages(rewards, Spans({4})).scalar_type(), at::kFloat);
  EXPECT_EQ(rloo_advantages(rewards, Spans({4}), true).scalar_type(), at::kFloat);
}

TEST(GroupAdvantagesDeathTest, RefuseWhatIsNoNumber) {
  EXPECT_DEATH(rloo_advantages(row({1, std::nan("")}), Spans({2})), "no finite number");
}

TEST(RewardScaleNames, AreTrls) {
  EXPECT_EQ(parse_reward_scale("batch").value(), RewardScale::kBatch);
  EXPECT_EQ(parse_reward_scale("group").value(), RewardScale::kGroup);
  EXPECT_EQ(parse_reward_scale("none").value(), RewardScale::kNone);
  EXPECT_FALSE(parse_reward_scale("true").ok());
}

}  // namespace
}  // namespace attune::engine::objectives
