#include "engine/objectives/unpaired.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradient_error;

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }
Tensor labels(const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong).to(at::kBool);
}
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// losses.md §18.2 (a 2, b -1.5, z 1) and §18.3 (torchtune's vectors, z clamped to 0).
TEST(UnpairedLoss, LiteralValues) {
  const Tensor got = unpaired_losses(row({-42, -40.5}), row({-44, -39}), labels({1, 0}), 1, {});
  EXPECT_TRUE(at::allclose(got, row({0.475021, 0.437823}), 0, 5e-7)) << got;

  const Tensor policy = row({-0.5, -10, -1, -0.1, -30, -21});
  const Tensor reference = row({-0.5, -10.1, -0.1, -0.1, -20.1, -0.1});
  const double z = kto_reference_point((-1 - 0.4) + (0.25 - 0.2) + (1 + 0.2), 3);
  EXPECT_EQ(z, 0);
  const Tensor vectors =
      unpaired_losses(policy, reference, labels({1, 1, 1, 0, 0, 0}), z, {});
  EXPECT_TRUE(at::allclose(vectors, row({0.5, 0.4975, 0.5225, 0.5, 0.2709, 0.1101}), 0, 5e-5));
  EXPECT_TRUE(at::allclose(implicit_rewards(policy, reference, 0.1),
                           row({0, 0.01, -0.09, 0, -0.99, -2.09}), 0, 1e-12));
}

TEST(UnpairedLoss, ClosedFormsAtStepZero) {
  const Tensor policy = at::randn({5}, at::kDouble) - 30;
  const Tensor desirable = labels({1, 0, 1, 1, 0});
  const Tensor half = at::full_like(policy, 0.5);
  EXPECT_TRUE(at::allclose(unpaired_losses(policy, policy, desirable, 0, {}), half));
  UnpairedOptions apo;
  apo.loss = UnpairedLoss::kApoZeroUnpaired;
  EXPECT_TRUE(at::allclose(unpaired_losses(policy, policy, desirable, 5, apo), half));
  // BCO with d = 0: ln 2 each, 2 ln 2 for a pair.
  EXPECT_TRUE(at::allclose(bco_losses(policy, policy, desirable, 0.1, 0),
                           at::full_like(policy, std::numbers::ln2)));
  EXPECT_TRUE(at::allclose(dove_losses(policy, policy - 3, policy, policy - 3, 0.1),
                           at::full_like(policy, std::numbers::ln2)));
}

TEST(UnpairedLoss, EqualsThePlainReference) {
  const Tensor u = at::randn({8}, at::kDouble) * 20;
  const std::vector<int64_t> kinds = {1, 0, 0, 1, 1, 0, 1, 0};
  UnpairedOptions options;
  options.beta = 0.3;
  options.desirable_weight = 1.4;
  options.undesirable_weight = 0.6;
  const double z = 2.5, d = -0.4;
  for (const UnpairedLoss loss : {UnpairedLoss::kKto, UnpairedLoss::kApoZeroUnpaired}) {
    options.loss = loss;
    const Tensor got = unpaired_losses(u - 7, at::full_like(u, -7), labels(kinds), z, options);
    const Tensor bco = bco_losses(u - 7, at::full_like(u, -7), labels(kinds), 0.3, d);
    for (int64_t i = 0; i < 8; ++i) {
      const double ui = u[i].item<double>(), point = loss == UnpairedLoss::kKto ? z : 0;
      const bool good = kinds[static_cast<size_t>(i)] == 1;
      const double want = good ? 1.4 * (1 - sigmoid(0.3 * (ui - point)))
                               : 0.6 * (1 - sigmoid(0.3 * (point - ui)));
      EXPECT_NEAR(got[i].item<double>(), want, 1e-12);
      const double reward = 0.3 * ui;
      EXPECT_NEAR(bco[i].item<double>(),
                  good ? -std::log(sigmoid(reward - d)) : -std::log(sigmoid(d - reward)), 1e-9);
    }
  }
}

TEST(UnpairedLoss, GradientsEqualDifferences) {
  const Tensor reference = at::randn({6}, at::kDouble);
  const Tensor desirable = labels({1, 0, 0, 1, 1, 0});
  const auto kto = [&](const std::vector<Tensor>& x) {
    return at::sum(unpaired_losses(x[0], reference, desirable, 0.3, {}));
  };
  const auto bco = [&](const std::vector<Tensor>& x) {
    return at::sum(bco_losses(x[0], reference, desirable, 0.3, 0.2));
  };
  const auto dove = [&](const std::vector<Tensor>& x) {
    return at::sum(dove_losses(x[0], x[0].flip(0) * 2, reference, reference, 0.3));
  };
  const Tensor policy = at::randn({6}, at::kDouble) * 3;
  EXPECT_LT(gradient_error(kto, {policy}), 1e-7);
  EXPECT_LT(gradient_error(bco, {policy}), 1e-7);
  EXPECT_LT(gradient_error(dove, {policy}), 1e-7);
}

TEST(UnpairedLoss, WithoutAReferenceItIsZero) {
  const Tensor policy = at::randn({3}, at::kDouble);
  const Tensor zero = at::zeros_like(policy);
  const Tensor desirable = labels({1, 0, 1});
  EXPECT_TRUE(at::allclose(unpaired_losses(policy, {}, desirable, 0, {}),
                           unpaired_losses(policy, zero, desirable, 0, {})));
  EXPECT_TRUE(at::allclose(dove_losses(policy, zero, {}, {}, 1),
                           dove_losses(policy, zero, zero, zero, 1)));
}

TEST(KtoReferencePoint, IsTheClampedMean) {
  EXPECT_DOUBLE_EQ(kto_reference_point(6, 4), 1.5);
  EXPECT_EQ(kto_reference_point(-6, 4), 0);
  EXPECT_EQ(kto_reference_point(0, 0), 0);
}

TEST(RunningReward, IsTheMeanOfAllRewardsSoFar) {
  RunningReward running;
  running.add(6, 3);
  EXPECT_DOUBLE_EQ(running.mean, 2);
  running.add(-1, 1);
  running.add(0, 0);
  EXPECT_DOUBLE_EQ(running.mean, 1.25);
  EXPECT_DOUBLE_EQ(running.count, 4);
}

TEST(UnpairedLossNames, GoThereAndBack) {
  for (const char* name : {"kto", "apo_zero_unpaired"}) {
    EXPECT_STREQ(to_string(parse_unpaired_loss(name).value()), name);
  }
  EXPECT_FALSE(parse_unpaired_loss("bco").ok());
}

}  // namespace
}  // namespace attune::engine::objectives
